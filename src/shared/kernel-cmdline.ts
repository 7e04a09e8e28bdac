import { InputError } from './yaml/faults.ts';
import { parseYaml } from './yaml/parse.ts';

/**
 * Words of the kernel line that the machine reads, by the name they have after their prefix. `slipway.X`
 * and RancherOS's spelling mean the same; where both stand, the later one counts. `rescue`, `debug` and
 * `medium` are read by the early script as well.
 */
export const KERNEL_WORDS = {
  /** `slipway.rescue`: a root shell on every console instead of the services. */
  rescue: ['slipway.rescue', 'rancher.recovery'],
  /** `slipway.debug`: the early script prints each command, system-docker logs more. */
  debug: ['slipway.debug', 'rancher.debug'],
  /** `slipway.medium=LABEL` or `/dev/NAME`: the only device looked at for the file systems. */
  medium: ['slipway.medium'],
  /** `slipway.state=LABEL=NAME`, `/dev/NAME`, or `none`: where the state partition is. */
  state: ['slipway.state', 'rancher.state.dev'],
  /** `slipway.state.format=true`, `=/dev/vda` or `=[/dev/vda,/dev/sda]`: format a blank disk as state. */
  stateFormat: ['slipway.state.format', 'rancher.state.autoformat'],
  /** `slipway.state.wait=SECONDS` (bare: 30): wait so long for a slow state disk. */
  stateWait: ['slipway.state.wait', 'rancher.state.wait'],
  /** `slipway.datasources=[nocloud]`: instead of the image's list; `[]` for none. */
  datasources: ['slipway.datasources', 'rancher.cloud_init.datasources'],
  /** `slipway.repin`: accept a data source of another instance than the one this machine's state belongs to. */
  repin: ['slipway.repin'],
  /** `cc.hostname=NAME`. */
  hostname: ['slipway.hostname', 'cc.hostname'],
  /** `cc.ssh_authorized_keys=[…]`. */
  sshAuthorizedKeys: ['cc.ssh_authorized_keys'],
  /** `rancher.autologin=ttyS0`, more than once if need be: no password is asked on that console. */
  autologin: ['slipway.autologin', 'rancher.autologin'],
} as const;

export type KernelWordName = keyof typeof KERNEL_WORDS;

/** One `key` or `key=value` of the kernel line. */
export interface KernelWord {
  readonly key: string;
  /** The text after `=`, quotes taken off; undefined for a bare word. */
  readonly text: string | undefined;
}

/** The kernel line, split. */
export interface KernelCmdline {
  readonly words: readonly KernelWord[];
}

const PREFIXED = /^(?:rancher|slipway|cc)\./;

/**
 * Splits a kernel line as RancherOS did: words are separated by blanks; double or single quotes and, in the
 * value of a `rancher.`, `slipway.` or `cc.` word, brackets keep blanks together; `\"` is a quote. Never fails: an open
 * quote or bracket ends with the line. What follows ` -- ` is for init and is not read.
 */
export function parseKernelCmdline(line: string): KernelCmdline {
  const words: KernelWord[] = [];
  for (const text of splitWords(line)) {
    if (text === '--') break;
    const equals = text.indexOf('=');
    words.push(
      equals < 0
        ? { key: unquote(text), text: undefined }
        : { key: unquote(text.slice(0, equals)), text: unquote(text.slice(equals + 1)) },
    );
  }
  return { words };
}

/** Every value given for a word, in the order of the line, each read as YAML; a bare word is `true`. */
export function kernelValues(cmdline: KernelCmdline, name: KernelWordName): unknown[] {
  const keys: readonly string[] = KERNEL_WORDS[name];
  return cmdline.words.filter(word => keys.includes(word.key)).map(word => parseKernelValue(word.text));
}

/** The last value given for a word; undefined where it is not on the line. */
export function kernelValue(cmdline: KernelCmdline, name: KernelWordName): unknown {
  return kernelValues(cmdline, name).at(-1);
}

/** True when a word is there and is not `false`. */
export function hasKernelWord(cmdline: KernelCmdline, name: KernelWordName): boolean {
  const value = kernelValue(cmdline, name);
  return value !== undefined && value !== false;
}

/** All strings given for a word: a scalar is one, a list is many; what is no string is left out. */
export function kernelStrings(cmdline: KernelCmdline, name: KernelWordName): string[] {
  return kernelValues(cmdline, name)
    .flat(1)
    .filter(value => typeof value === 'string');
}

/** Words with one of our prefixes that nothing reads: likely mistyped. */
export function unknownKernelWords(cmdline: KernelCmdline): string[] {
  const known = new Set<string>(Object.values(KERNEL_WORDS).flat());
  return cmdline.words
    .filter(word => word.key.startsWith('slipway.') && !known.has(word.key))
    .map(word => word.key);
}

/** A value as YAML (scalar or flow list); text that is not YAML is itself. */
export function parseKernelValue(text: string | undefined): unknown {
  if (text === undefined) return true;
  try {
    const value: unknown = parseYaml('the kernel line', text, 'cloud-config', {
      maxLength: 4096,
      maxDepth: 8,
      maxNodes: 500,
    }).value;
    return value ?? '';
  } catch (error) {
    // Kernel lines hold text that YAML refuses, such as a lone `@`; it was meant as text.
    if (error instanceof InputError) return text;
    throw error;
  }
}

function splitWords(line: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let depth = 0;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === '\\' && at + 1 < line.length) {
      word += character + line.charAt(++at);
    } else if (quote !== '') {
      word += character;
      if (character === quote) quote = '';
    } else if (/\s/.test(character) && depth === 0) {
      if (word !== '') words.push(word);
      word = '';
    } else {
      if (character === '"' || (character === "'" && PREFIXED.test(word))) quote = character;
      if (PREFIXED.test(word)) {
        if (character === '[') depth += 1;
        if (character === ']' && depth > 0) depth -= 1;
      }
      word += character;
    }
  }
  if (word !== '') words.push(word);
  return words;
}

/** Quotes around the whole are taken off, `\"` becomes `"`. */
function unquote(text: string): string {
  const quoted = /^"((?:\\.|[^"\\])*)"?$/.exec(text) ?? /^'([^']*)'?$/.exec(text);
  return (quoted?.[1] ?? text).replace(/\\(["'])/g, '$1');
}
