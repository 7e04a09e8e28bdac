/** Keys of a cloud-config that the machine uses; `true` where any value below belongs to the key. */
const USED = { hostname: true, ssh_authorized_keys: true, rancher: { autologin: true } } as const;

interface Keys {
  readonly [key: string]: true | Keys;
}

/** The keys that the machine uses, with dots: `rancher.autologin`. */
export const CLOUD_CONFIG_KEYS: readonly string[] = namesOf(USED);

/**
 * Keys of a cloud-config that the machine does not use, each as the steps from the top: `['rancher', 'debug']`.
 * Own keys only, so that `__proto__` and its like are plain keys.
 */
export function unusedCloudConfigKeys(config: object, used: Keys = USED): string[][] {
  return Object.entries(config).flatMap(([key, value]: [string, unknown]) => {
    const known = Object.hasOwn(used, key) ? used[key] : undefined;
    if (known === true) return [];
    if (known === undefined || value === null || typeof value !== 'object' || Array.isArray(value))
      return [[key]];
    return unusedCloudConfigKeys(value, known).map(steps => [key, ...steps]);
  });
}

function namesOf(keys: Keys): string[] {
  return Object.entries(keys).flatMap(([key, below]) =>
    below === true ? [key] : namesOf(below).map(name => `${key}.${name}`),
  );
}
