/**
 * Maintainer scripts whose work in a new image is done elsewhere: by a step, or by the tree's layout.
 * A package that is not named here, or a script of it that is not, is listed in the build report.
 */
const DONE_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  // Accounts of passwd, group, shadow, gshadow: steps/accounts.ts and the recipe.
  'base-passwd': ['preinst', 'postinst'],
  chrony: ['postinst'],
  'openssh-client': ['postinst'],
  // Folders and links of the root: steps/layout.ts.
  'base-files': ['preinst', 'postinst'],
  // Profiles common-auth and so on: steps/pam.ts.
  'libpam-runtime': ['postinst'],
  // /etc/ssl/certs: steps/certificates.ts.
  'ca-certificates': ['config', 'postinst'],
  // Restarts services on a running system when the library is upgraded.
  libc6: ['preinst', 'postinst'],
  'libpam-modules': ['preinst', 'postinst'],
  libpam0g: ['postinst'],
};

/** Those of a package's scripts that no step of the build stands for, sorted. */
export function skippedScripts(packageName: string, scripts: readonly string[]): string[] {
  const done = DONE_ELSEWHERE[packageName] ?? [];
  return scripts.filter(script => !done.includes(script)).sort();
}
