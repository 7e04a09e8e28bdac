import { ToolError } from '../../shared/errors.ts';

/** What trimming did, in bytes and numbers of items. */
export interface IcuTrim {
  readonly items: number;
  readonly keptItems: number;
  readonly blankedBytes: number;
}

/** Data every program needs that formats in English: by name below the version's folder. */
const KEPT_LOCALES = ['root', 'en', 'en_001', 'en_US', 'en_US_POSIX'];
const KEPT_TREES = ['', 'brkitr/', 'coll/', 'curr/', 'lang/', 'rbnf/', 'region/', 'unit/', 'zone/'];
const KEPT_TABLES = [
  'brkitr/char.brk',
  'brkitr/line.brk',
  'brkitr/sent.brk',
  'brkitr/title.brk',
  'brkitr/word.brk',
  'coll/ucadata.icu',
  'cnvalias.icu',
  // windows-1252, which is what the web means by latin1.
  'ibm-5348_P100-1997.cnv',
  'currencyNumericCodes.res',
  'dayPeriods.res',
  'genderList.res',
  'grammaticalFeatures.res',
  'icustd.res',
  'icuver.res',
  'keyTypeData.res',
  'langInfo.res',
  'likelySubtags.res',
  'metadata.res',
  'metaZones.res',
  'nfkc.nrm',
  'nfkc_cf.nrm',
  'nfkc_scf.nrm',
  'numberingSystems.res',
  'plurals.res',
  'pluralRanges.res',
  'supplementalData.res',
  'timezoneTypes.res',
  'tzdbNames.res',
  'uemoji.icu',
  'ulayout.icu',
  'uts46.nrm',
  'windowsZones.res',
  'zoneinfo64.res',
];

const KEPT: ReadonlySet<string> = new Set([
  ...KEPT_TABLES,
  ...KEPT_TREES.flatMap(tree => [...KEPT_LOCALES, 'pool', 'res_index'].map(name => `${tree}${name}.res`)),
]);

interface Item {
  readonly name: string;
  /** Of its entry in the table of contents. */
  readonly entry: readonly [nameOffset: number, dataOffset: number];
  readonly start: number;
}

/**
 * Blanks, in place, the parts of the ICU data in a program that are for languages other than English.
 *
 * The data is one archive of the format `CmnD`: a header, a table of contents (count, then offsets of
 * name and data for each item, ordered by name) and the items. What is kept stays where it is; the table
 * is written again, shorter, so that ICU finds no entry for what is gone and falls back as it does for a
 * language it does not know; the rest becomes zeros, which cost nothing in a packed file system and are
 * never read into memory. The last item is left as it is: nothing says where it ends.
 *
 * Throws ICU_DATA_UNKNOWN when the archive is not there or not as described; then nothing was changed.
 */
export function trimIcuData(program: Uint8Array): IcuTrim {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.length);
  const table = findTable(bytes);
  const items = readItems(bytes, table);
  const kept = items.filter(item => KEPT.has(item.name));
  const required = ['root.res', 'en.res', 'pool.res', 'res_index.res', 'nfkc.nrm', 'coll/ucadata.icu'];
  const lacking = required.find(name => !kept.some(item => item.name === name));
  if (lacking !== undefined) throw unknown(`it has no "${lacking}"`);

  bytes.writeUInt32LE(kept.length, table);
  kept.forEach((item, index) => {
    bytes.writeUInt32LE(item.entry[0], table + 4 + index * 8);
    bytes.writeUInt32LE(item.entry[1], table + 8 + index * 8);
  });
  const byPlace = items.toSorted((a, b) => a.start - b.start);
  const keptNames = new Set(kept.map(item => item.name));
  let blankedBytes = 0;
  for (const [index, item] of byPlace.entries()) {
    const next = byPlace[index + 1];
    if (!next || keptNames.has(item.name)) continue;
    bytes.fill(0, item.start, next.start);
    blankedBytes += next.start - item.start;
  }
  return { items: items.length, keptItems: kept.length, blankedBytes };
}

/** Offset of the table of contents of the largest `CmnD` archive. */
function findTable(bytes: Buffer): number {
  let best: { readonly table: number; readonly count: number } | undefined;
  for (let at = bytes.indexOf('CmnD'); at >= 0; at = bytes.indexOf('CmnD', at + 4)) {
    const header = at - 12;
    if (header < 0 || bytes[header + 2] !== 0xda || bytes[header + 3] !== 0x27) continue;
    // Little-endian, ASCII names, 16-bit characters.
    if (bytes[header + 8] !== 0 || bytes[header + 9] !== 0 || bytes[header + 10] !== 2) continue;
    const table = header + bytes.readUInt16LE(header);
    if (table + 4 > bytes.length) continue;
    const count = bytes.readUInt32LE(table);
    if (!best || count > best.count) best = { table, count };
  }
  if (!best) throw unknown('there is none');
  return best.table;
}

function readItems(bytes: Buffer, table: number): Item[] {
  const count = bytes.readUInt32LE(table);
  if (count < 100 || count > 50_000 || table + 4 + count * 8 > bytes.length)
    throw unknown(`it has ${count} items`);
  return Array.from({ length: count }, (_, index) => {
    const nameOffset = bytes.readUInt32LE(table + 4 + index * 8);
    const dataOffset = bytes.readUInt32LE(table + 8 + index * 8);
    const nameStart = table + nameOffset;
    const nameEnd = bytes.indexOf(0, nameStart);
    const start = table + dataOffset;
    const name = bytes.toString('latin1', nameStart, Math.min(nameEnd, nameStart + 200));
    const below = /^icudt\d+l\/(.+)$/.exec(name)?.[1];
    if (below === undefined || start >= bytes.length)
      throw unknown(`item ${index} is "${name.slice(0, 60)}"`);
    return { name: below, entry: [nameOffset, dataOffset], start };
  });
}

function unknown(what: string): ToolError {
  return new ToolError(`trimming the ICU data of Node: ${what}`, {
    code: 'ICU_DATA_UNKNOWN',
    kind: 'unsupported',
    hint: 'lock the version of Node that this version of Slipway was made for',
  });
}
