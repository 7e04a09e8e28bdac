import type { Readable } from 'node:stream';
import { ToolError } from '../../../shared/errors.ts';
import { invalidParameter } from '../docker-errors.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/** A JSON object from outside. */
export type JsonObject = Readonly<Record<string, unknown>>;

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

/** Parses a request's JSON object; nothing is an empty one. Throws ENGINE_INVALID_PARAMETER. */
export function parseJsonObject(body: Buffer, contentType: string | undefined): JsonObject {
  if (body.length === 0) return {};
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw invalidParameter(
      `unsupported Content-Type header (${contentType ?? ''}): must be 'application/json'`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw invalidParameter(`invalid JSON: ${error instanceof Error ? error.message : ''}`);
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalidParameter('invalid JSON: the body is not an object');
  }
  return value as JsonObject;
}

function wrongType(name: string, wanted: string): ToolError {
  return invalidParameter(`invalid JSON: json: cannot unmarshal field ${name}: it is not ${wanted}`);
}

/** A field that has to be a text; undefined when absent or null. Throws ENGINE_INVALID_PARAMETER. */
export function textField(object: JsonObject, name: string): string | undefined {
  const value = object[name] ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw wrongType(name, 'a string');
}

/** A field that has to be true or false; false when absent. */
export function booleanField(object: JsonObject, name: string): boolean {
  const value = object[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw wrongType(name, 'a boolean');
}

/** A field that has to be a list of texts; empty when absent. */
export function textListField(object: JsonObject, name: string): string[] {
  const value = object[name] ?? [];
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value;
  throw wrongType(name, 'an array of strings');
}

/** A `ConsoleSize`: height and width; undefined when absent. */
export function sizeField(object: JsonObject, name: string): { rows: number; columns: number } | undefined {
  const value = object[name] ?? undefined;
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length !== 2) throw wrongType(name, 'an array of two numbers');
  const [rows, columns] = value as unknown[];
  if (!Number.isInteger(rows) || !Number.isInteger(columns)) throw wrongType(name, 'an array of two numbers');
  return { rows: Number(rows), columns: Number(columns) };
}
