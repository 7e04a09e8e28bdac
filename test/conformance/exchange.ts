import type { RouteName } from '../../src/machine/engine-api/routes.ts';
import type { Shape } from './shape.ts';

/** One request, and what Docker's API says is answered. */
export interface Exchange {
  /** Endpoint it is about; `none` for what no endpoint answers, and for Docker's endpoints that are not served. */
  readonly route: RouteName | 'none';
  /** In a few words; with the route it names the exchange. */
  readonly what: string;
  /**
   * Method and path, such as `GET /containers/{web}/json?size=1`. What stands in braces was kept by an earlier
   * exchange; `{web:12}` are its first 12 characters. A path without a version gets the newest.
   */
  readonly request: string;
  /** JSON, or bytes as they are sent. */
  readonly body?: Readonly<Record<string, unknown>> | readonly unknown[] | Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  /** Shape of a JSON answer. Missing: nothing but `says` is looked at. */
  readonly answer?: Shape;
  /** The sentence of a refusal, or the whole text of the answer, with braces as in `request`. */
  readonly says?: string;
  /** What is kept of a JSON answer for later exchanges: name -> field, such as `Id` or `Containers.0`. */
  readonly keep?: Readonly<Record<string, string>>;
  /** How the body is read: JSON unless it says otherwise. */
  readonly read?: 'json' | 'text' | 'lines' | 'frames' | 'tar';
  /** Ends the connection after so many lines. */
  readonly take?: number;
  /** Takes the connection over, sends this, and reads to the end. */
  readonly input?: string;
  /** Header with base64 of JSON, and its shape. */
  readonly header?: { readonly name: string; readonly shape: Shape };
  /** Asked again until the answer has this, such as `State.Status=exited`; for what an engine does in its own time. */
  readonly until?: string;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
  /** The header that the exchange names, decoded. */
  readonly header?: unknown;
}

/** Names an exchange in messages and in the list of differences. */
export function nameOf({ route, what }: Exchange): string {
  return `${route}: ${what}`;
}

type More = Omit<Partial<Exchange>, 'route' | 'what' | 'request' | 'status'>;

/** An exchange that has to work. */
export function works(
  route: Exchange['route'],
  what: string,
  request: string,
  status: number,
  answer?: Shape,
  more: More = {},
): Exchange {
  return { route, what, request, status, ...(answer === undefined ? {} : { answer }), ...more };
}

/** An exchange that has to be refused, with this sentence. */
export function refused(
  route: Exchange['route'],
  what: string,
  request: string,
  status: number,
  says: string,
  more: More = {},
): Exchange {
  return { route, what, request, status, says, ...more };
}

/** Filters as they stand in a query. */
export function filters(value: unknown): string {
  return `filters=${encodeURIComponent(JSON.stringify(value))}`;
}
