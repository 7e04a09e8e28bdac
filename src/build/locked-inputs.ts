import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { Arch } from '../shared/arch.ts';
import { invariant } from '../shared/errors.ts';
import type { EmitEvent } from '../shared/events.ts';
import type { Registry } from '../shared/oci/registry.ts';
import type { PackageInput } from './assemble/inputs.ts';
import { foreignImages, imageLocation } from './collect-images.ts';
import { fetchBlobs } from './fetch/fetch-blobs.ts';
import type { HttpClient } from './fetch/http-client.ts';
import type { Lock, LockedArch, LockedImage, LockedPackage, LockedSets } from './lock/lock.ts';
import type { Project } from './project.ts';
import { type Mirrors, packageUrls } from './resolve/debian/mirrors.ts';
import { fetchImage } from './resolve/oci/fetch-image.ts';
import type { Store } from './store/store.ts';
import { fetchNpmPackage } from './tools/npm.ts';
import { unpackTools } from './tools/unpack-tools.ts';
import { readDeb, unpackDebs } from './unpack/deb.ts';
import { type UnpackedImage, unpackImage } from './unpack/oci-image.ts';

export interface LockedInputsOptions {
  readonly lock: Lock;
  readonly arch: Arch;
  readonly hostArch: Arch;
  readonly store: Store;
  readonly http: HttpClient;
  readonly mirrors: () => Promise<Mirrors>;
  readonly registry: () => Registry;
  /** Throws where packages of the build host's tools are not what Debian has signed for. */
  readonly verifyTools: (packages: readonly LockedPackage[]) => Promise<void>;
  readonly offline: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly emit: EmitEvent;
  readonly signal: AbortSignal;
}

/** What a lock names, brought into the store on demand and read from there. */
export class LockedInputs {
  readonly #options: LockedInputsOptions;

  constructor(options: LockedInputsOptions) {
    this.#options = options;
  }

  /** The lock's part for the image's architecture. */
  get target(): LockedArch {
    const target = this.#options.lock.architectures[this.#options.arch];
    invariant(target, `a resolved lock has ${this.#options.arch}`);
    return target;
  }

  /** Packages of a set of the image. */
  set(name: string): LockedPackage[] {
    return packagesOf(this.target, name);
  }

  /** Packages of a set of the build host's tools: `pack`, `vm-ARCH`. */
  toolSet(name: string): LockedPackage[] {
    const tools = this.#options.lock.tools[this.#options.hostArch];
    invariant(tools, `a resolved lock has tools for ${this.#options.hostArch}`);
    return packagesOf(tools, name);
  }

  /** Folder of the store with a set of tools, fetched, verified and unpacked. */
  async unpackTools(name: string): Promise<string> {
    const { store, signal, verifyTools } = this.#options;
    const packages = this.toolSet(name);
    await this.fetchPackages(packages);
    return unpackTools(store, packages, { signal, verify: () => verifyTools(packages) });
  }

  /** Brings packages into the store and unpacks them there. */
  async fetchPackages(packages: readonly LockedPackage[]): Promise<void> {
    const { store, http, emit, signal, offline, lock } = this.#options;
    const wanted = [...new Map(packages.map(pkg => [pkg.sha256, pkg])).values()];
    const missing: LockedPackage[] = [];
    for (const pkg of wanted) if (!(await store.blobs.find(`sha256:${pkg.sha256}`))) missing.push(pkg);
    if (missing.length > 0) {
      const mirrors = offline ? undefined : await this.#options.mirrors();
      const dates = lock.suites.map(suite => suite.date);
      await fetchBlobs(
        missing.map(pkg => ({
          name: `${pkg.name} ${pkg.version}`,
          digest: `sha256:${pkg.sha256}` as const,
          sizeBytes: pkg.sizeBytes,
          urls: mirrors ? packageUrls(pkg, mirrors, dates) : [],
          goneHint: `run "slipway lock --update ${pkg.name}" to take the version that mirrors have now`,
        })),
        { store, http, emit, signal, offline },
      );
    }
    await unpackDebs(store, wanted, { signal });
  }

  /** Packages that `fetchPackages` brought, as the assembling stage takes them. */
  async read(packages: readonly LockedPackage[]): Promise<PackageInput[]> {
    const { store, signal } = this.#options;
    return Promise.all(packages.map(pkg => readDeb(store, pkg, { signal })));
  }

  /** An image of the lock, by its name in the image store. */
  image(name: string): LockedImage {
    const image = this.target.images[name];
    invariant(image, `a resolved lock has the image ${name}`);
    return image;
  }

  /** Brings the layers of images that no recipe makes into the store. */
  async fetchImages(project: Project): Promise<void> {
    const { store, offline, signal, emit } = this.#options;
    for (const image of foreignImages(project)) {
      await fetchImage(imageLocation(project, image), this.image(image.source.name), {
        store,
        registry: this.#options.registry(),
        offline,
        signal,
        emit,
      });
    }
  }

  /** An image that `fetchImages` brought. */
  async unpackImage(name: string): Promise<UnpackedImage> {
    const { store, arch, signal, emit } = this.#options;
    const image = await unpackImage(store, this.image(name), { arch, signal });
    for (const note of image.notes) emit({ type: 'note', message: note });
    return image;
  }

  /** Path of the npm archive with Node for the image's architecture; its integrity is checked. */
  async node(): Promise<string> {
    const { store, environment, offline, signal } = this.#options;
    const { npmPackage, version, integrity } = this.target.node;
    const found = await store.blobs.findIntegrity(integrity);
    if (found) return found.path;
    const folder = store.temporaryPath();
    await mkdir(folder, { recursive: true });
    try {
      const archive = await fetchNpmPackage(npmPackage, version, folder, { environment, offline, signal });
      const { path } = await store.blobs.write(createReadStream(archive), {
        name: `${npmPackage} ${version}`,
        integrity,
      });
      return path;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

function packagesOf({ sets, packages }: LockedSets, name: string): LockedPackage[] {
  const ids = sets[name];
  invariant(ids, `a resolved lock has the set ${name}`);
  return ids.map(id => {
    const pkg = packages[id];
    invariant(pkg, `the lock's set ${name} names ${id}, which it has`);
    return pkg;
  });
}
