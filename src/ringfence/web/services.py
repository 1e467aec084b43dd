"""What the doors may call: built by `app.running`, handed to `web.asgi.create_asgi`, never looked up."""

from dataclasses import dataclass

from ringfence.access.service import AccessService
from ringfence.contracts import Bus, Carrier, Clock, Database
from ringfence.monitoring.switchboard import Switchboard
from ringfence.privacy.audit import AuditLog
from ringfence.telephony.audio_store import AudioStore
from ringfence.telephony.store import CallStore


@dataclass(frozen=True, slots=True)
class Services:
    version: str
    detector_version: str
    public_url: str
    """Scheme, host and path prefix of the address that the carrier signs; no slash at the end."""
    media_url: str
    """Absolute ws or wss address of the media socket, as it is written into the carrier's instructions."""
    trusted_proxies: tuple[str, ...]
    carrier: Carrier
    switchboard: Switchboard
    calls: CallStore
    audio: AudioStore
    access: AccessService
    audit: AuditLog
    bus: Bus
    clock: Clock
    database: Database
