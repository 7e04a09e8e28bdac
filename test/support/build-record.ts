import type { BuildRecord } from '../../src/build/inspect/build-record.ts';

export const recordedPackage = {
  name: 'busybox',
  version: '1.37',
  sizeBytes: 2_000_000,
  skippedScripts: ['postinst'],
};
/** What `slipway build` writes down, as an example. */
export const exampleRecord: BuildRecord = {
  schema: 1,
  name: 'demo',
  version: '1.0',
  slipwayVersion: '0.1.0',
  arch: 'amd64',
  buildId: 'b0',
  epoch: 1_700_000_000,
  kernel: {
    release: '6.12',
    package: 'linux-image-amd64',
    version: '6.12.1-1',
    cmdline: 'console=ttyS0',
    modules: 7,
    missingFirmware: ['a.bin'],
  },
  node: '24.21.0',
  services: [{ name: 'web', section: 'services', image: 'local/web:latest' }],
  images: [
    {
      name: 'local/web:latest',
      id: 'sha256:1',
      services: ['web'],
      sizeBytes: 1000,
      packages: [recordedPackage],
    },
  ],
  corePackages: [recordedPackage],
  initrdPackages: [],
  parts: { kernel: 1, initrd: 2, core: 3 },
};
