import { ToolError, messageOf } from '../../../shared/errors.ts';
import type { EngineSettings, RuntimeName, TlsSettings } from '../../../shared/engine-settings.ts';
import { DEFAULT_REGISTRY } from '../../../shared/oci/reference.ts';
import { checkLogConfig } from '../containers/log-settings.ts';

/** Docker's own port for its API over TLS, and where it listens unless told. */
const TLS_PORT = 2376;
const EVERYWHERE = '0.0.0.0';

type Json = Readonly<Record<string, unknown>>;
/** Reads the value of one key, of which `refuse` says that it is not as it should be. */
type Reader = (value: unknown, refuse: (fault: string) => ToolError, file: Json) => EngineSettings;

/** The keys of Docker's daemon.json that mean something here. */
const KEYS: Readonly<Record<string, Reader>> = {
  'default-runtime': (value, refuse) => {
    if (!isRuntime(value)) throw refuse('is neither crun nor runc');
    return { defaultRuntime: value };
  },
  'registry-mirrors': (value, refuse) => {
    const mirrors = textsOf(value, refuse);
    for (const mirror of mirrors) {
      const url = URL.parse(mirror);
      const shown = JSON.stringify(mirror);
      if (url === null || !/^https?:/i.test(mirror))
        throw refuse(`holds ${shown}, which is no URL such as https://mirror.example`);
      if (`${url.username}${url.password}${url.search}${url.hash}` !== '')
        throw refuse(`holds ${shown}, which must have no login, "?" or "#"`);
    }
    return { registries: { mirrors: { [DEFAULT_REGISTRY]: mirrors } } };
  },
  'insecure-registries': (value, refuse) => {
    const insecure = textsOf(value, refuse).map(name => name.toLowerCase());
    const wrong = insecure.find(name => !/^(?:[\w.-]{1,253}|\[[0-9a-f:]+\])(?::\d{1,5})?$/.test(name));
    if (wrong !== undefined) throw refuse(`holds ${JSON.stringify(wrong)}, which is not HOST or HOST:PORT`);
    return { registries: { insecure } };
  },
  proxies: (value, refuse) => {
    const proxies = mappingOf(value, refuse);
    const names = ['http-proxy', 'https-proxy', 'no-proxy'];
    const wrong = Object.keys(proxies).find(key => !names.includes(key));
    if (wrong !== undefined)
      throw refuse(`holds ${JSON.stringify(wrong)}, which is none of ${names.join(', ')}`);
    for (const key of names.slice(0, 2)) {
      const proxy = proxies[key] ?? '';
      if (proxy !== '' && !/^https?:\/\/[^\s/?#]+\/?$/.test(proxy))
        throw refuse(`holds ${JSON.stringify(proxy)}, which is no URL such as http://proxy.example:3128`);
    }
    const texts = Object.entries(proxies).map(([key, text]) => [key.replace('-', '_'), text]);
    return { registries: { proxies: Object.fromEntries(texts) as Record<string, string> } };
  },
  'log-driver': (value, refuse, file) => {
    if (typeof value !== 'string') throw refuse('is not a text');
    checkLog(value, {}, refuse);
    // Options are those of a driver, so both come at once, whichever is written first.
    return file['log-opts'] === undefined ? { log: { driver: value } } : {};
  },
  'log-opts': (value, refuse, file) => {
    const options = mappingOf(value, refuse);
    const driver = file['log-driver'];
    checkLog(typeof driver === 'string' ? driver : '', options, refuse);
    return { log: { options, ...(typeof driver === 'string' ? { driver } : {}) } };
  },
  hosts: (value, refuse, file) => {
    const ports = textsOf(value, refuse).filter(host => !/^(unix|fd):/.test(host));
    if (ports.length > 1) throw refuse('holds more than one TCP address');
    const [port] = ports;
    // What the image opened is closed then.
    if (port === undefined) return { tls: undefined };
    if (file.tlsverify !== true) throw refuse('holds a TCP address: it needs "tlsverify": true');
    const tls = addressOf(port);
    if (tls === undefined) throw refuse(`holds ${JSON.stringify(port)}, which is not tcp://ADDRESS:PORT`);
    return { tls };
  },
  tlsverify: (value, refuse) => {
    if (typeof value !== 'boolean') throw refuse('is neither true nor false');
    return {};
  },
};

/**
 * Reads daemon.json: of Docker's keys those that mean something here. A key wins over what the image sets.
 * Throws ENGINE_SETTINGS_INVALID for anything else, so that nobody counts on what is not done.
 * @param file its path, for messages
 */
export function parseDaemonJson(text: string, file: string): EngineSettings {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, `is not JSON (${messageOf(cause)})`, cause);
  }
  if (!isMapping(json)) throw invalid(file, 'is not a JSON object');
  let settings: EngineSettings = {};
  for (const [key, value] of Object.entries(json)) {
    const read = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (read === undefined) {
      const known = Object.keys(KEYS).sort().join(', ');
      throw invalid(file, `${JSON.stringify(key)} is not a setting of system-docker, which are ${known}`);
    }
    settings = joinSettings(
      settings,
      read(value, fault => invalid(file, `${JSON.stringify(key)} ${fault}`), json),
    );
  }
  return settings;
}

/** Settings of which the later win, setting by setting. */
export function joinSettings(earlier: EngineSettings, later: EngineSettings): EngineSettings {
  const { registries, log } = { ...earlier, ...later };
  return {
    ...earlier,
    ...later,
    ...(registries === undefined
      ? {}
      : {
          registries: {
            ...earlier.registries,
            ...later.registries,
            mirrors: { ...earlier.registries?.mirrors, ...later.registries?.mirrors },
          },
        }),
    // The options are those of a driver.
    ...(log === undefined
      ? {}
      : { log: later.log?.driver === undefined ? { ...earlier.log, ...later.log } : later.log }),
  };
}

function checkLog(
  driver: string,
  options: Readonly<Record<string, string>>,
  refuse: (fault: string) => ToolError,
): void {
  try {
    checkLogConfig({ Type: driver, Config: options });
  } catch (error) {
    if (error instanceof ToolError) throw refuse(`is wrong: ${error.message}`);
    throw error;
  }
}

/** `tcp://HOST:PORT`, either of which may be left out. */
function addressOf(text: string): TlsSettings | undefined {
  const match = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[\w.-]*)(?::(\d{1,5}))?\/?$/.exec(text);
  const port = Number(match?.[2] ?? TLS_PORT);
  if (match === null || port < 1 || port > 65_535) return undefined;
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, '') || EVERYWHERE, port };
}

function textsOf(value: unknown, refuse: (fault: string) => ToolError): string[] {
  if (!Array.isArray(value)) throw refuse('is not a list');
  return value.map((item: unknown) => {
    if (typeof item !== 'string') throw refuse('holds something that is not a text');
    return item;
  });
}

function mappingOf(value: unknown, refuse: (fault: string) => ToolError): Record<string, string> {
  if (!isMapping(value)) throw refuse('is not an object');
  if (Object.values(value).some(item => typeof item !== 'string'))
    throw refuse('holds a value that is not a text');
  return value as Record<string, string>;
}

function isMapping(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRuntime(value: unknown): value is RuntimeName {
  return value === 'crun' || value === 'runc';
}

function invalid(file: string, fault: string, cause?: unknown): ToolError {
  return new ToolError(`${file}: ${fault}`, {
    code: 'ENGINE_SETTINGS_INVALID',
    kind: 'invalid-input',
    cause,
  });
}
