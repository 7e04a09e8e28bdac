import type { BuiltImage } from './built-image.ts';
import { type Measurement, megabytes } from './measurement.ts';

/** P1: the ISO and its parts. `limit` in MB. */
export function measureImageSize(
  name: string,
  { isoBytes, record }: BuiltImage,
  limit: number,
): Measurement[] {
  const row = (what: string, bytes: number, rest: Partial<Measurement> = {}): Measurement => ({
    ...{ id: 'P1', what: `${name}.iso: ${what}`, value: megabytes(bytes), unit: 'MB', ...rest },
  });
  const parts = Object.entries(record.parts);
  const inParts = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  const images = [...record.images].sort((a, b) => b.sizeBytes - a.sizeBytes);
  return [
    row('all', isoBytes, { aim: { of: 'value', limit } }),
    ...parts.map(([part, bytes]) => row(part, bytes)),
    row('loaders and layout', isoBytes - inParts),
    ...images.map(image =>
      row(`image ${image.name}`, image.sizeBytes, { note: 'in the core, before compression' }),
    ),
  ];
}
