import { posix } from 'node:path';
import { ToolError } from '../errors.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import { suggest } from '../schema/suggest.ts';

/** Recipes that come with Slipway, in system-images/; a bare name of these means the recipe. */
export const BUILTIN_IMAGES: readonly string[] = ['console', 'network', 'ntp', 'syslog', 'udev'];

/**
 * Where an image comes from. `path` is as written, relative to the manifest's folder; `name` is what
 * the image is called in the image store.
 */
export type ImageSource =
  | { readonly kind: 'builtin-recipe'; readonly recipe: string; readonly name: string }
  | { readonly kind: 'recipe-folder'; readonly path: string; readonly name: string }
  | { readonly kind: 'oci-layout'; readonly path: string; readonly tag?: string; readonly name: string }
  | { readonly kind: 'docker-archive'; readonly path: string; readonly name: string }
  | { readonly kind: 'registry'; readonly reference: string; readonly name: string };

const HINT =
  'an image is system-images/NAME, ./FOLDER with an image.yml, oci:FOLDER[:TAG], docker-archive:FILE or a reference such as alpine:3.22';

/**
 * Tells which kind of image a manifest means. References are normalised as Docker does:
 * `alpine` is `docker.io/library/alpine:latest`. Throws IMAGE_INVALID, OCI_REFERENCE_INVALID.
 *
 * @param builtins names that mean a recipe of Slipway's own
 */
export function parseImageSource(text: string, builtins: readonly string[] = BUILTIN_IMAGES): ImageSource {
  if (text.startsWith('@pkg:')) return refuse(text, "LinuxKit's @pkg templates are not supported yet");
  const builtin = /^system-images\/([^/]*)$/.exec(text)?.[1];
  if (builtin !== undefined) {
    if (builtins.includes(builtin)) return { kind: 'builtin-recipe', recipe: builtin, name: text };
    const near = suggest(builtin, builtins);
    return refuse(
      text,
      `there is no built-in image of that name`,
      near === undefined
        ? `there are ${[...builtins].sort().join(', ')}`
        : `did you mean "${FOLDER}/${near}"?`,
    );
  }
  if (builtins.includes(text)) return { kind: 'builtin-recipe', recipe: text, name: `system-images/${text}` };

  const oci = /^oci:(.*)$/.exec(text)?.[1];
  if (oci !== undefined) {
    const [, path = '', tag] = /^(.*?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?$/.exec(oci) ?? [];
    if (path === '') return refuse(text, 'the folder is missing');
    const name = localName(path, tag);
    return { kind: 'oci-layout', path, name, ...(tag === undefined ? {} : { tag }) };
  }
  const archive = /^docker-archive:(.*)$/.exec(text)?.[1] ?? (text.endsWith('.tar') ? text : undefined);
  if (archive !== undefined) {
    if (archive === '') return refuse(text, 'the file is missing');
    return { kind: 'docker-archive', path: archive, name: localName(archive.replace(/\.tar$/, '')) };
  }
  const recipe =
    /^(.*)\/image\.yml$/.exec(text)?.[1] ?? (/^(\.{0,2}\/|\.{1,2}$)/.test(text) ? text : undefined);
  if (recipe !== undefined) return { kind: 'recipe-folder', path: recipe, name: localName(recipe) };
  if (text.startsWith('~')) return refuse(text, '"~" is not expanded', 'write the path out');

  const reference = formatReference(parseReference(text));
  return { kind: 'registry', reference, name: reference };
}

/**
 * The built-in image that a reference to a registry may have been meant to be, e.g. `system-images/ntp` for `ntpd`
 * or `sysem-images/ntp`; undefined for one with a tag, a digest or a registry, which nobody writes by mistake.
 */
export function nearBuiltin(text: string, builtins: readonly string[] = BUILTIN_IMAGES): string | undefined {
  if (/[:@.]/.test(text)) return undefined;
  const [folder, name, ...rest] = text.includes('/') ? text.split('/') : [FOLDER, text];
  if (folder === undefined || name === undefined || rest.length > 0) return undefined;
  if (suggest(folder, [FOLDER]) === undefined) return undefined;
  const near = suggest(name, builtins);
  return near === undefined ? undefined : `${FOLDER}/${near}`;
}

const FOLDER = 'system-images';

/** `local/PATH[:TAG]`: a name in the image store for what comes from the build host. */
function localName(path: string, tag?: string): string {
  const parts = posix
    .normalize(path)
    .split('/')
    .map(part =>
      part === '..'
        ? 'up'
        : part
            .toLowerCase()
            .replace(/[^a-z0-9]+/g, '-')
            .replace(/^-|-$/g, ''),
    )
    .filter(part => part !== '');
  return `local/${parts.join('/') || 'here'}:${tag ?? 'latest'}`;
}

function refuse(text: string, reason: string, hint = HINT): never {
  throw new ToolError(`image ${JSON.stringify(text.slice(0, 120))}: ${reason}`, {
    code: 'IMAGE_INVALID',
    kind: 'invalid-input',
    hint,
  });
}
