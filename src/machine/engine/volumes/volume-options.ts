import { invalidParameter } from '../docker-errors.ts';

const KNOWN = ['type', 'o', 'device', 'size'];
/** Each option, and those that have to come with it. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  device: ['type'],
  type: ['device'],
  o: ['device', 'type'],
};
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** The longest that a file's name can be, with the prefixes that the table gives it. */
const MAX_NAME_LENGTH = 200;

/** Checks a volume's name. Throws ENGINE_INVALID_PARAMETER with Docker's sentences. */
export function checkVolumeName(name: string): void {
  if (name.length === 1) {
    throw invalidParameter(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  if (!NAME.test(name)) {
    throw invalidParameter(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  if (name.length > MAX_NAME_LENGTH) {
    throw invalidParameter(
      `create ${name.slice(0, 32)}…: volume name is too long, names should be at most ${MAX_NAME_LENGTH} characters`,
    );
  }
}

/** Checks the local driver's options. Throws ENGINE_INVALID_PARAMETER with Docker's sentences. */
export function checkVolumeOptions(name: string, options: Readonly<Record<string, string>>): void {
  const refuse = (what: string): never => {
    throw invalidParameter(`create ${name}: ${what}`);
  };
  for (const option of Object.keys(options)) {
    if (!KNOWN.includes(option)) refuse(`invalid option: ${JSON.stringify(option)}`);
  }
  if (options.size !== undefined) refuse('quota size requested but no quota support');
  for (const [option, others] of Object.entries(REQUIRED)) {
    if (!(option in options)) continue;
    const missing = others.find(other => !(other in options));
    if (missing !== undefined) refuse(`missing required option: ${JSON.stringify(missing)}`);
  }
  if (Object.values(options).some(value => value.includes('\0'))) refuse('invalid option value');
}

/** What is mounted on a volume with options. */
export interface VolumeMount {
  readonly type: string;
  readonly device: string;
  /** Comma separated, as mount(8) has them. */
  readonly options: string;
  /** Name of the server in `addr=`, which the kernel wants as a number. */
  readonly server?: string;
}

/** Reads checked options; undefined for a plain folder. */
export function parseVolumeMount(options: Readonly<Record<string, string>>): VolumeMount | undefined {
  const { type = '', device = '', o = '' } = options;
  if (type === '' && device === '') return undefined;
  const isNetwork = type === 'nfs' || type === 'nfs4' || type === 'cifs';
  const server = isNetwork ? /(?:^|,)addr=([^,]+)/.exec(o)?.[1] : undefined;
  const isNumber = server !== undefined && /^[0-9.]+$|:/.test(server);
  return { type, device, options: o, ...(server === undefined || isNumber ? {} : { server }) };
}

/** The options with the server's address for its name. */
export function withServerAddress(mount: VolumeMount, address: string): string {
  return mount.options
    .split(',')
    .map(word => (word === `addr=${mount.server ?? ''}` ? `addr=${address}` : word))
    .join(',');
}
