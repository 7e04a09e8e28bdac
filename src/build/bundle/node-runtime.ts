import { createReadStream } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import type { Arch } from '../../shared/arch.ts';
import type { Content } from '../../shared/archive/entry.ts';
import { readTar } from '../../shared/archive/tar.ts';
import { ToolError } from '../../shared/errors.ts';
import type { LockedNode } from '../lock/lock.ts';
import { type Store, resultKey } from '../store/store.ts';
import { decompress } from '../unpack/decompress.ts';
import { trimIcuData } from './icu-data.ts';
import { disableMutexChecks } from './mutex-checks.ts';
import { stripElf } from './strip-elf.ts';

export interface NodeRuntimeInput {
  readonly node: LockedNode;
  /** The npm package's tarball on the build host, its integrity already checked. */
  readonly tarball: string;
  readonly arch: Arch;
  readonly store: Pick<Store, 'result'>;
  /**
   * Runs a program on the build host and returns its standard output; given only where the build host
   * can run the target's programs. Then the trimmed Node must prove itself before it is kept.
   */
  readonly run?: (program: string, args: readonly string[]) => Promise<string>;
}

/** Changes when what is done to Node changes. */
const FORMAT = 2;
const MAX_TARBALL_BYTES = 1024 ** 3;
const MEMBER = 'package/bin/node';

/** What the machine's programs and their users rely on; prints `ok`. */
const CHECK = `
const checks = {
  format: new Intl.NumberFormat('en').format(1234567.5) === '1,234,567.5',
  date: new Intl.DateTimeFormat('en-US', { timeZone: 'Europe/Berlin', dateStyle: 'full' }).format(0) === 'Thursday, January 1, 1970',
  normalize: 'e\\u0301'.normalize('NFC') === '\\u00e9' && '\\ufb01'.normalize('NFKC') === 'fi',
  url: new URL('http://b\\u00fccher.example/').host === 'xn--bcher-kva.example',
  pattern: /^\\p{L}+$/u.test('\\u00e4\\u03b1\\u0436') && !/\\p{L}/u.test('1'),
  collate: ['b', 'a', 'B'].sort(new Intl.Collator('en').compare).join('') === 'abB',
  segment: [...new Intl.Segmenter('en', { granularity: 'word' }).segment('a b')].length === 3,
  case: '\\u00df'.toUpperCase() === 'SS' && 'I'.toLocaleLowerCase('en') === 'i',
  fallback: new Intl.NumberFormat('de').format(1234.5) === '1,234.5',
  decode: new TextDecoder('latin1').decode(new Uint8Array([233])) === '\\u00e9',
  crypto: require('node:crypto').createHash('sha256').update('').digest('hex').startsWith('e3b0'),
};
const failed = Object.keys(checks).filter(name => !checks[name]);
console.log(failed.length === 0 ? 'ok' : 'failed: ' + failed.join(', '));
`;

/**
 * The machine's Node: the official build without symbols for debuggers, without ICU data for
 * languages other than English, and without a check for debugging that costs memory. Made once for each version; the result is kept in the store.
 *
 * Errors: NODE_PACKAGE_MALFORMED, NODE_TRIM_FAILED (the trimmed one does not work), ICU_DATA_UNKNOWN,
 * ELF_MALFORMED, and what reading the tarball throws.
 */
export async function makeNodeRuntime(input: NodeRuntimeInput): Promise<Content> {
  const key = resultKey('node-runtime', {
    format: FORMAT,
    integrity: input.node.integrity,
    arch: input.arch,
  });
  const { path } = await input.store.result(key, async output => {
    const name = `${input.node.npmPackage} ${input.node.version}`;
    const original = await readNode(input.tarball, name);
    disableMutexChecks(original, name);
    const program = stripElf(original, name);
    trimIcuData(program);
    await writeFile(output, program, { mode: 0o755, flush: true });
    if (input.run) await prove(output, name, input.run);
  });
  return { kind: 'slice', file: path, offset: 0, size: (await stat(path)).size };
}

async function readNode(tarball: string, name: string): Promise<Uint8Array> {
  const unpacked = decompress('gzip', createReadStream(tarball, { highWaterMark: 1024 * 1024 }), {
    name,
    maxBytes: MAX_TARBALL_BYTES,
  });
  for await (const entry of readTar(unpacked, { name, limits: { maxFileBytes: MAX_TARBALL_BYTES } })) {
    if (entry.path === MEMBER && entry.kind === 'file' && entry.content.kind === 'bytes')
      return entry.content.bytes;
  }
  throw new ToolError(`reading ${name}: it holds no ${MEMBER}`, {
    code: 'NODE_PACKAGE_MALFORMED',
    kind: 'invalid-input',
  });
}

async function prove(
  program: string,
  name: string,
  run: NonNullable<NodeRuntimeInput['run']>,
): Promise<void> {
  const answer = (await run(program, ['-e', CHECK])).trim();
  if (answer === 'ok') return;
  throw new ToolError(`trimming ${name}: it does not work any more (${answer.slice(0, 300)})`, {
    code: 'NODE_TRIM_FAILED',
    kind: 'unsupported',
    hint: 'lock the version of Node that this version of Slipway was made for',
  });
}
