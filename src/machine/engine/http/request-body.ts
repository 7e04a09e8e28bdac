import type { Readable } from 'node:stream';
import { ToolError } from '../../../shared/errors.ts';
import { invalidParameter } from '../docker-errors.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/** A JSON object from outside. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A media type: two words of RFC 9110's tokens. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+$/;

/** Reads a stream to its end. Throws REQUEST_TOO_LARGE beyond 4 MiB. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BYTES) {
      throw new ToolError('http: request body too large', {
        code: 'REQUEST_TOO_LARGE',
        kind: 'invalid-input',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Parses a request's JSON; undefined for an empty body. Throws ENGINE_INVALID_PARAMETER. */
export function parseJson(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0) return undefined;
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== '' && !MEDIA_TYPE.test(type)) {
    const fault = type.includes('/') ? 'expected token after slash' : 'expected slash after first token';
    throw invalidParameter(`malformed Content-Type header (${contentType ?? ''}): mime: ${fault}`);
  }
  if (type !== 'application/json') {
    throw invalidParameter(
      `unsupported Content-Type header (${contentType ?? ''}): must be 'application/json'`,
    );
  }
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidParameter(jsonFault(text, error instanceof Error ? error.message : ''));
  }
}

/** What is wrong with a text that is no JSON, in Docker's words. @param message of the parser */
function jsonFault(text: string, message: string): string {
  if (text.trim() === '') return 'invalid JSON: got EOF while reading request body';
  if (message.includes('after JSON')) return 'unexpected content after JSON';
  const character = /^Unexpected token '(.)'/u.exec(message)?.[1];
  if (character !== undefined) {
    return `invalid JSON: invalid character '${character}' looking for beginning of value`;
  }
  const at = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length);
  if (at >= text.trimEnd().length) return 'invalid JSON: unexpected EOF';
  return `invalid JSON: invalid character '${text[at] ?? ''}' looking for beginning of value`;
}
