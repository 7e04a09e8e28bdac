import { InputError } from './faults.ts';
import { placeAt } from './place.ts';

/** Text of a file that must be UTF-8. Throws InputError TEXT_NOT_UTF8 with the place of the first bad byte. */
export function decodeText(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const loose = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    throw new InputError('TEXT_NOT_UTF8', 'file', [
      {
        message: utf16 ? 'the file is UTF-16' : 'the file is not UTF-8 text',
        place: placeAt(file, loose, Math.max(0, loose.indexOf('\ufffd'))),
        hint: 'save it as UTF-8',
      },
    ]);
  }
}
