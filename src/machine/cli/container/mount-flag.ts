import { resolve } from 'node:path';
import { parseCsv } from '../csv.ts';
import { BadValue } from '../flags.ts';
import { parseBinarySize } from '../units.ts';

type Fields = Record<string, unknown>;

/** A mount of --mount, `type=bind,src=/a,dst=/b,ro`, as the API has it. Throws BadValue. */
export function parseMount(text: string): object {
  const mount: Fields = { Type: 'volume' };
  const part = (name: string): Fields => (mount[name] ??= {}) as Fields;
  for (const field of parseCsv(text)) {
    const [word = '', value] = field.split(/=(.*)/s);
    const key = word.toLowerCase();
    if (value === undefined && setFlag(key, mount, part)) continue;
    if (value === undefined) throw new BadValue(`invalid field '${field}' must be a key=value pair`);
    setField(key, value, field, mount, part);
  }
  if (mount.Type === '') throw new BadValue('type is required');
  if (mount.Target === undefined) throw new BadValue('target is required');
  check(mount);
  return mount;
}

function setFlag(key: string, mount: Fields, part: (name: string) => Fields): boolean {
  switch (key) {
    case 'readonly':
    case 'ro':
      mount.ReadOnly = true;
      return true;
    case 'volume-nocopy':
      part('VolumeOptions').NoCopy = true;
      return true;
    case 'bind-nonrecursive':
      part('BindOptions').NonRecursive = true;
      return true;
    default:
      return false;
  }
}

function setField(
  key: string,
  value: string,
  field: string,
  mount: Fields,
  part: (name: string) => Fields,
): void {
  switch (key) {
    case 'type':
      mount.Type = value.toLowerCase();
      return;
    case 'source':
    case 'src':
      // `.` and `..` are folders of this machine, other words names of volumes.
      mount.Source = /^\.{1,2}(\/|$)/.test(value) ? resolve(value) : value;
      return;
    case 'target':
    case 'dst':
    case 'destination':
      mount.Target = value;
      return;
    case 'readonly':
    case 'ro':
      mount.ReadOnly = booleanOf(key, value);
      return;
    case 'consistency':
      mount.Consistency = value.toLowerCase();
      return;
    case 'bind-propagation':
      part('BindOptions').Propagation = value.toLowerCase();
      return;
    case 'bind-nonrecursive':
      part('BindOptions').NonRecursive = booleanOf(key, value);
      return;
    case 'bind-recursive':
      setRecursion(value, mount, part('BindOptions'));
      return;
    case 'volume-subpath':
      part('VolumeOptions').Subpath = value;
      return;
    case 'volume-nocopy':
      part('VolumeOptions').NoCopy = booleanOf(key, value);
      return;
    case 'volume-label':
      setPair((part('VolumeOptions').Labels ??= {}) as Fields, value);
      return;
    case 'volume-driver':
      ((part('VolumeOptions').DriverConfig ??= {}) as Fields).Name = value;
      return;
    case 'volume-opt':
      setPair((((part('VolumeOptions').DriverConfig ??= {}) as Fields).Options ??= {}) as Fields, value);
      return;
    case 'tmpfs-size': {
      const size = parseBinarySize(value);
      if (size === undefined) throw new BadValue(`invalid value for ${key}: ${value}`);
      part('TmpfsOptions').SizeBytes = size;
      return;
    }
    case 'tmpfs-mode':
      if (!/^[0-7]{1,6}$/.test(value)) throw new BadValue(`invalid value for ${key}: ${value}`);
      part('TmpfsOptions').Mode = Number.parseInt(value, 8);
      return;
    default:
      throw new BadValue(`unexpected key '${key}' in '${field}'`);
  }
}

function setRecursion(value: string, mount: Fields, options: Fields): void {
  switch (value) {
    case 'enabled':
      return;
    case 'disabled':
      options.NonRecursive = true;
      return;
    case 'writable':
      options.ReadOnlyNonRecursive = true;
      return;
    case 'readonly':
      options.ReadOnlyForceRecursive = true;
      return;
    default:
      throw new BadValue(
        `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
  }
}

function check(mount: Fields): void {
  const refuse = (options: string, type: string): void => {
    if (mount[options] !== undefined && mount.Type !== type) {
      throw new BadValue(`cannot mix '${type}-*' options with mount type '${String(mount.Type)}'`);
    }
  };
  refuse('VolumeOptions', 'volume');
  refuse('BindOptions', 'bind');
  refuse('TmpfsOptions', 'tmpfs');
}

function setPair(target: Fields, text: string): void {
  const [key = '', value = ''] = text.split(/=(.*)/s);
  target[key] = value;
}

function booleanOf(key: string, value: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw new BadValue(`invalid value for ${key}: ${value}`);
}
