import type { Option } from 'commander';

export interface HelpContent {
  readonly usage: string;
  readonly path: string;
  readonly description: string;
  readonly options: readonly Option[];
  readonly commands: readonly (readonly [string, string])[];
}

/** The help of a command, laid out as Docker's. */
export function formatHelp({ usage, path, description, options, commands }: HelpContent): string {
  const sections = [`Usage:  ${usage}`, description];
  const shown = options
    .filter(option => !option.hidden)
    .toSorted((a, b) => ((a.long ?? '') < (b.long ?? '') ? -1 : 1));
  if (commands.length > 0) sections.push(`Commands:\n${columns([...commands])}`);
  if (shown.length > 0) {
    const title = commands.length > 0 ? 'Global Options' : 'Options';
    sections.push(`${title}:\n${columns(shown.map(option => [flagsOf(option), textOf(option)]))}`);
  }
  if (commands.length > 0) sections.push(`Run '${path} COMMAND --help' for more information on a command.`);
  return `${sections.join('\n\n')}\n`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([term]) => term.length));
  return rows.map(([term, text]) => `  ${term.padEnd(width)}   ${text}`).join('\n');
}

function flagsOf({ short, long = '', flags }: Option): string {
  const value = /<(.*)>/.exec(flags)?.[1];
  return `${short === undefined ? '   ' : `${short},`} ${long}${value === undefined ? '' : ` ${value}`}`;
}

function textOf({ description, defaultValue }: Option): string {
  const shows = typeof defaultValue === 'string' && defaultValue !== '';
  return shows ? `${description} (default ${JSON.stringify(defaultValue)})` : description;
}
