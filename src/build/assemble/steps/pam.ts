import type { Tree } from '../../tree/tree.ts';

/** The profiles that services in /etc/pam.d include: local accounts by pam_unix, nothing else. */
const PROFILES: Readonly<Record<string, readonly string[]>> = {
  'common-auth': ['auth required pam_unix.so'],
  'common-account': ['account required pam_unix.so'],
  'common-password': ['password required pam_unix.so yescrypt shadow'],
  'common-session': ['session required pam_unix.so'],
  'common-session-noninteractive': ['session required pam_unix.so'],
};

/**
 * Writes the PAM profile that `pam-auth-update` makes at installation, where PAM's modules are in the
 * tree, and for services without a file of their own the one that refuses everything.
 */
export function putPamProfile(tree: Tree, multiarch: string): void {
  if (!tree.has(`usr/lib/${multiarch}/security/pam_unix.so`)) return;
  for (const [name, lines] of Object.entries(PROFILES)) {
    if (!tree.has(`etc/pam.d/${name}`)) tree.file(`etc/pam.d/${name}`, `${lines.join('\n')}\n`);
  }
  if (!tree.has('etc/pam.d/other')) {
    const lines = ['auth', 'account', 'password', 'session'].map(kind => `${kind} required pam_deny.so\n`);
    tree.file('etc/pam.d/other', lines.join(''));
  }
}
