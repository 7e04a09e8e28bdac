/**
 * The words of a command line as Docker's client reads them (Go's pflag), on top of commander, which keeps the
 * declarations, the tree of commands and the help: `-it=false`, `-eA=b`, `--rm=0`, values that begin with a dash.
 */
import type { EventEmitter } from 'node:events';
import { Command, type Option } from 'commander';
import { CommandFailure } from './failure.ts';
import { formatHelp } from './help.ts';
import type { Session } from './session.ts';

/** What a handler returns is the exit code; 0 for nothing. */
export type Handler<Options> = (
  operands: readonly string[],
  options: Options,
) => Promise<number | undefined> | Promise<void>;

/** Gives a command its options, operands and action; each in the file of its command, loaded when it is asked for. */
export type Definition = (command: DockerCommand, session: Session) => void;

/** A value that an option does not take; the message is the reason. */
export class BadValue extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BadValue';
  }
}

export class DockerCommand extends Command {
  /** Words behind the first operand are not options of this command. */
  stopsAtOperand = false;
  /** Faults of options and operands end with this exit code. */
  #usageExitCode = 125;
  #operands = '';
  #least = 0;
  #most = Infinity;

  override createCommand(name?: string): DockerCommand {
    return new DockerCommand(name);
  }

  /** An option that takes something away is on until it is given, also when it is declared as late as here. */
  override addOption(option: Option): this {
    super.addOption(option);
    const name = option.attributeName();
    if (option.negate && this.getOptionValue(name) === undefined) {
      this.setOptionValueWithSource(name, true, 'default');
    }
    return this;
  }

  override helpInformation(): string {
    return formatHelp({
      usage: this.usageLine,
      path: this.path,
      description: this.description(),
      options: this.options,
      commands: this.createHelp()
        .visibleCommands(this)
        .map(child => [child.name(), child.description()]),
    });
  }

  /** Says what operands there are, in the words of the usage line, and how many. */
  operands(usage: string, least: number, most = Infinity): this {
    this.#operands = usage;
    this.#least = least;
    this.#most = most;
    return this.argument('[operands...]');
  }

  /** What the command does. */
  runs<Options>(session: Pick<Session, 'finish'>, handler: Handler<Options>): this {
    if (this.registeredArguments.length === 0) this.operands('', 0, 0);
    return this.action(async (operands: string[], options: Options) => {
      this.#countOperands(operands.length);
      const exitCode: unknown = await handler(operands, options);
      session.finish(typeof exitCode === 'number' ? exitCode : 0);
    });
  }

  /** `system-docker container ls` */
  get path(): string {
    const words = [this.name()];
    for (let above = this.parent; above !== null; above = above.parent) words.unshift(above.name());
    return words.join(' ');
  }

  /** The first line of the help. */
  get usageLine(): string {
    if (this.commands.length > 0) return `${this.path} COMMAND`;
    const hasOptions = this.options.some(option => !option.hidden);
    return [
      this.path,
      ...(hasOptions ? ['[OPTIONS]'] : []),
      ...(this.#operands === '' ? [] : [this.#operands]),
    ].join(' ');
  }

  override parseOptions(argv: readonly string[]): { operands: string[]; unknown: string[] } {
    const words = [...argv];
    const operands: string[] = [];
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      if (word === '--') return { operands: [...operands, ...words], unknown: [] };
      if (word.startsWith('--')) {
        if (word === '--help') return { operands: [], unknown: ['--help'] };
        this.#long(word, words);
      } else if (word.startsWith('-') && word.length > 1) {
        if (this.#short(word, words) === 'help') return { operands: [], unknown: ['--help'] };
      } else {
        operands.push(word);
        if (this.commands.some(child => child.name() === word)) return { operands, unknown: words };
        if (this.commands.length > 0) return { operands: [...operands, ...words], unknown: [] };
        if (this.stopsAtOperand) return { operands: [...operands, ...words], unknown: [] };
      }
    }
    return { operands, unknown: [] };
  }

  #long(word: string, rest: string[]): void {
    const [name, value] = split(word.slice(2));
    const option = this.options.find(known => known.long === `--${name}`);
    if (option === undefined || name === '') throw this.#usage(`unknown flag: --${name}`);
    if (isSwitch(option)) {
      this.#switch(option, value);
      return;
    }
    const given = value ?? rest.shift();
    if (given === undefined) throw this.#usage(`flag needs an argument: --${name}`);
    this.#set(option, given);
  }

  #short(word: string, rest: string[]): 'help' | undefined {
    const letters = word.slice(1);
    for (let index = 0; index < letters.length; index += 1) {
      const letter = letters[index] ?? '';
      const option = this.options.find(known => known.short === `-${letter}`);
      if (option === undefined) {
        if (letter === 'h' && letters === 'h') return 'help';
        throw this.#usage(`unknown shorthand flag: '${letter}' in -${letters.slice(index)}`);
      }
      const after = letters.slice(index + 1);
      if (isSwitch(option)) {
        if (after.startsWith('=')) {
          this.#switch(option, after.slice(1));
          return undefined;
        }
        this.#switch(option, undefined);
        continue;
      }
      const given = after === '' ? rest.shift() : after.replace(/^=/, '');
      if (given === undefined)
        throw this.#usage(`flag needs an argument: '${letter}' in -${letters.slice(index)}`);
      this.#set(option, given);
      return undefined;
    }
    return undefined;
  }

  #switch(option: Option, text: string | undefined): void {
    let value = true;
    if (text !== undefined) {
      if (/^(1|t|T|true|TRUE|True)$/.test(text)) value = true;
      else if (/^(0|f|F|false|FALSE|False)$/.test(text)) value = false;
      else {
        throw this.#invalid(
          option,
          text,
          `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
        );
      }
    }
    const name = option.attributeName();
    this.setOptionValueWithSource(name, option.negate ? !value : value, 'cli');
  }

  #set(option: Option, text: string): void {
    try {
      // How commander itself hands a value to what parses and keeps it; its types hide that it emits.
      (this as unknown as EventEmitter).emit(`option:${option.name()}`, text);
    } catch (error) {
      if (error instanceof BadValue) throw this.#invalid(option, text, error.message);
      throw error;
    }
  }

  #invalid(option: Option, text: string, reason: string): CommandFailure {
    const name = [option.short, option.long].filter(part => part !== undefined).join(', ');
    return this.#usage(`invalid argument ${JSON.stringify(text)} for "${name}" flag: ${reason}`);
  }

  #usage(message: string): CommandFailure {
    const more = this.commands.length > 0 ? `\n\n${this.helpInformation()}` : '';
    return new CommandFailure(this.#usageExitCode, `${message}\nSee '${this.path} --help'.${more}`);
  }

  #countOperands(count: number): void {
    if (count >= this.#least && count <= this.#most) return;
    const word = (number: number): string => `${number} ${number === 1 ? 'argument' : 'arguments'}`;
    let wish = 'accepts no arguments';
    if (this.#least === this.#most && this.#least > 0) wish = `requires exactly ${word(this.#least)}`;
    else if (this.#most === Infinity) wish = `requires at least ${word(this.#least)}`;
    else if (this.#most > 0 && this.#least > 0) {
      wish = `requires at least ${this.#least} and at most ${word(this.#most)}`;
    } else if (this.#most > 0) wish = `requires at most ${word(this.#most)}`;
    throw new CommandFailure(
      1,
      `"${this.path}" ${wish}.\nSee '${this.path} --help'.\n\nUsage:  ${this.usageLine}\n\n${this.description()}`,
    );
  }
}

function isSwitch(option: Option): boolean {
  return !option.required && !option.optional;
}

function split(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** For options that may be given more than once. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** `key=value` of a filter. */
export function collectFilter(value: string, before: readonly string[] | undefined): readonly string[] {
  if (value === '') return before ?? [];
  if (!value.includes('=')) throw new BadValue('bad format of filter (expected name=value)');
  return [...(before ?? []), value];
}

/** A whole number. */
export function parseInteger(text: string): number {
  if (!/^[+-]?(\d+|0[xX][\da-fA-F]+|0[oO]?[0-7]+|0[bB][01]+)$/.test(text)) {
    throw new BadValue(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const digits = text.replace(/^[+-]/, '').replace(/^0(?=[0-7]+$)/, '0o');
  return (text.startsWith('-') ? -1 : 1) * Number(digits);
}

/** A whole number, or what is said of another word. */
export function parseIntegerOr(text: string, otherwise: () => number): number {
  return /^[+-]?\d+$/.test(text) ? Number(text) : otherwise();
}

/** A whole number that is not negative. */
export function parseUnsigned(text: string): number {
  if (text.startsWith('-') || !/^\+?(\d+|0[xX][\da-fA-F]+)$/.test(text)) {
    throw new BadValue(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

/** Docker's filters as the API takes them; undefined when there are none. */
export function filterQuery(filters: readonly string[] | undefined): string | undefined {
  if (filters === undefined || filters.length === 0) return undefined;
  const values: Record<string, Record<string, true>> = {};
  for (const filter of filters) {
    const at = filter.indexOf('=');
    const key = filter.slice(0, at).trim().toLowerCase();
    (values[key] ??= {})[filter.slice(at + 1).trim()] = true;
  }
  return JSON.stringify(values);
}
