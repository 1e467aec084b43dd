/** Requests to the server. The session is a cookie, so nothing secret is ever held here. */
import type { components } from "../generated/api.ts";

type Problem = Partial<components["schemas"]["Problem"]>;

/** The server answered, and not with what was asked for. `status` 0: it did not answer at all. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.name = "HttpError";
    this.status = status;
  }
}

interface Ask {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  signal?: AbortSignal;
}

async function send(path: string, { method = "GET", body, signal }: Ask): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new HttpError(0, "no answer");
  }
  if (!response.ok) throw new HttpError(response.status, await explain(response));
  return response;
}

async function explain(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as Problem;
    return problem.detail ?? problem.title ?? response.statusText;
  } catch {
    return response.statusText;
  }
}

/** The type is the one the server's document promises for this path; the server checks it when it answers. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, signal ? { signal } : {});
  return (await response.json()) as T;
}

export async function post(path: string, body: unknown): Promise<void> {
  await send(path, { method: "POST", body });
}

export async function remove(path: string): Promise<void> {
  await send(path, { method: "DELETE" });
}
