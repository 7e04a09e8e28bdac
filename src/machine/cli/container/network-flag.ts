import { parseCsv } from '../csv.ts';
import { BadValue } from '../flags.ts';

/** A network of --network: its name, or words for everything. */
export interface NetworkWish {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly linkLocalIps: readonly string[];
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly ip?: string;
  readonly ip6?: string;
  readonly macAddress?: string;
}

/** Reads `NAME` or `name=NAME,alias=A,ip=…`. Throws BadValue. */
export function parseNetwork(text: string): NetworkWish {
  const wish = { name: text, aliases: [], links: [], linkLocalIps: [], driverOpts: {} };
  // A mode such as `container:NAME` has no equals sign; a name cannot have one.
  if (!text.includes('=')) return wish;
  const aliases: string[] = [];
  const linkLocalIps: string[] = [];
  const driverOpts: Record<string, string> = {};
  const single: Record<string, string> = {};
  for (const field of parseCsv(text)) {
    const [word = '', value] = field.split(/=(.*)/s);
    if (value === undefined) throw new BadValue(`invalid field ${field}`);
    const key = word.trim().toLowerCase();
    switch (key) {
      case 'name':
      case 'ip':
      case 'ip6':
      case 'mac-address':
        single[key] = value.trim();
        break;
      case 'alias':
        aliases.push(value.trim());
        break;
      case 'link-local-ip':
        linkLocalIps.push(value.trim());
        break;
      case 'driver-opt': {
        const [name = '', option] = value.split(/=(.*)/s);
        if (option === undefined || name.trim() === '')
          throw new BadValue('invalid key/value pair format in driver options');
        driverOpts[name.trim().toLowerCase()] = option.trim().toLowerCase();
        break;
      }
      default:
        throw new BadValue(`invalid field key ${word}`);
    }
  }
  if (single.name === undefined || single.name === '') throw new BadValue('network name/id is not specified');
  return {
    ...wish,
    name: single.name,
    aliases,
    linkLocalIps,
    driverOpts,
    ...(single.ip === undefined ? {} : { ip: single.ip }),
    ...(single.ip6 === undefined ? {} : { ip6: single.ip6 }),
    ...(single['mac-address'] === undefined ? {} : { macAddress: single['mac-address'] }),
  };
}
