"""pipecat beside us: runs in an interpreter that has pipecat, never in ours.

frames N    reads a rate (Hz) a line, answers with µs of processor time per message over N messages
server      its FastAPI WebSocket transport into a counting sink; see `media_servers` for the talk on its pipes
"""

import asyncio
import sys
import time

import media_messages as messages
from loguru import logger

logger.remove()

import pipecat  # noqa: E402
from pipecat.frames.frames import Frame, InputAudioRawFrame, StartFrame  # noqa: E402
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor  # noqa: E402
from pipecat.serializers.twilio import TwilioFrameSerializer  # noqa: E402


def serializer() -> TwilioFrameSerializer:
    return TwilioFrameSerializer(
        messages.STREAM_SID, params=TwilioFrameSerializer.InputParams(auto_hang_up=False)
    )


async def measure_frames(count: int) -> None:
    texts = [messages.media(n, mulaw) for n, mulaw in enumerate(messages.speech_like(count))]
    print(pipecat.__version__, flush=True)
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        rate_hz = int(line)
        reader = serializer()
        await reader.setup(StartFrame(audio_in_sample_rate=rate_hz, audio_out_sample_rate=rate_hz))
        begun_s = time.process_time()
        for text in texts:
            await reader.deserialize(text)
        print((time.process_time() - begun_s) / count * 1e6, flush=True)


class Sink(FrameProcessor):
    """The end of the pipeline: counts what arrives."""

    samples = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            Sink.samples += len(frame.audio) // 2
        await self.push_frame(frame, direction)


def serve() -> None:
    import uvicorn
    from fastapi import FastAPI, WebSocket
    from media_pipes import answer_questions
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.worker import PipelineParams, PipelineWorker
    from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
    from pipecat.workers.runner import WorkerRunner

    app = FastAPI()
    counted = {"messages": 0}

    class Counting(TwilioFrameSerializer):
        async def deserialize(self, data: str | bytes) -> Frame | None:
            counted["messages"] += 1
            return await super().deserialize(data)

    @app.websocket("/api/v1/twilio/media-stream")
    async def stream(websocket: WebSocket) -> None:
        await websocket.accept()
        reader = Counting(messages.STREAM_SID, params=TwilioFrameSerializer.InputParams(auto_hang_up=False))
        transport = FastAPIWebsocketTransport(
            websocket, FastAPIWebsocketParams(audio_in_enabled=True, serializer=reader)
        )
        worker = PipelineWorker(
            Pipeline([transport.input(), Sink()]),
            params=PipelineParams(audio_in_sample_rate=16_000),
            idle_timeout_secs=None,
            enable_rtvi=False,
            enable_turn_tracking=False,
        )

        @transport.event_handler("on_client_disconnected")
        async def gone(transport: FastAPIWebsocketTransport, client: WebSocket) -> None:
            await worker.cancel()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", loop="uvloop", lifespan="off"))
    answer_questions(server, counted)


if __name__ == "__main__":
    if sys.argv[1] == "frames":
        asyncio.run(measure_frames(int(sys.argv[2])))
    else:
        serve()
