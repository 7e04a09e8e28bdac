/**
 * The telnet protocol (RFC 854, window size RFC 1073) as far as busybox's telnetd speaks it. It stands
 * between the engine and a pseudo-terminal, which Node can't open itself.
 */

const IAC = 255;
const DONT = 254;
const WILL = 251;
const SUBNEGOTIATION = 250;
const SUBNEGOTIATION_END = 240;
const WINDOW_SIZE = 31;
const CR = 13;

/** Bytes for the terminal: 255 is doubled, and a carriage return is marked as one that stands alone. */
export function encodeTelnet(data: Buffer): Buffer {
  const special = data.filter(byte => byte === IAC || byte === CR).length;
  if (special === 0) return data;
  const encoded = Buffer.allocUnsafe(data.length + special);
  let length = 0;
  for (const byte of data) {
    encoded[length++] = byte;
    if (byte === IAC) encoded[length++] = IAC;
    if (byte === CR) encoded[length++] = 0;
  }
  return encoded;
}

/** The message that gives the terminal its size. */
export function formatWindowSize(rows: number, columns: number): Buffer {
  const clamp = (value: number): number => Math.min(Math.max(0, Math.trunc(value)), 0xffff);
  const size = Buffer.alloc(4);
  size.writeUInt16BE(clamp(columns), 0);
  size.writeUInt16BE(clamp(rows), 2);
  const escaped = [...size].flatMap(byte => (byte === IAC ? [IAC, IAC] : [byte]));
  return Buffer.from([IAC, SUBNEGOTIATION, WINDOW_SIZE, ...escaped, IAC, SUBNEGOTIATION_END]);
}

/** Takes the protocol out of what telnetd sends; what remains is the terminal's output. */
export class TelnetDecoder {
  #state: 'data' | 'command' | 'option' | 'sub' | 'sub-command' = 'data';

  push(chunk: Buffer): Buffer {
    if (this.#state === 'data' && !chunk.includes(IAC)) return chunk;
    const output = Buffer.allocUnsafe(chunk.length);
    let length = 0;
    for (const byte of chunk) {
      switch (this.#state) {
        case 'data':
          if (byte === IAC) this.#state = 'command';
          else output[length++] = byte;
          break;
        case 'command':
          if (byte === IAC) output[length++] = byte;
          if (byte === SUBNEGOTIATION) this.#state = 'sub';
          else this.#state = byte >= WILL && byte <= DONT ? 'option' : 'data';
          break;
        case 'option':
          this.#state = 'data';
          break;
        case 'sub':
          if (byte === IAC) this.#state = 'sub-command';
          break;
        case 'sub-command':
          this.#state = byte === SUBNEGOTIATION_END ? 'data' : 'sub';
          break;
      }
    }
    return output.subarray(0, length);
  }
}
