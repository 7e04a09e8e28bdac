/**
 * The manifest that `slipway init` writes: it builds as it is, and its comments say what to try next.
 *
 * @param name of the system; anything that cannot be part of a name is replaced
 */
export function starterManifest(name: string): string {
  return STARTER.replaceAll('@NAME@', systemName(name));
}

/** A system's name made from any text, such as the name of a folder. */
export function systemName(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .slice(0, 63)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return name === '' ? 'my-os' : name;
}

const STARTER = `# What goes into the system. Build it with "slipway build", boot it with "slipway run".
# "slipway check" finds mistakes; docs/manifest.md describes every key.

name: @NAME@
version: "0.1.0"

# Where it must boot. Fewer platforms make a smaller image.
kernel:
  platforms: [virtio, virtualbox, vmware, hyperv, baremetal]
  # modules: [wireguard]

# zstd starts faster, xz is smaller.
compression: zstd

# Containers that run one after another before the services, and must exit.
# onboot:
#   - name: hello
#     image: alpine:3.22
#     command: [/bin/echo, "hello from the boot"]

# Containers that are kept running. They start in parallel, as "after" allows.
services:
  # Finds hardware and loads its drivers.
  - name: udev
    image: system-images/udev

  # Addresses for all wired interfaces.
  - name: network
    image: system-images/network

  # The clock.
  - name: ntp
    image: system-images/ntp

  # Logs.
  - name: syslog
    image: system-images/syslog

  # Logins: screen, serial line, SSH.
  - name: console
    image: system-images/console

  # A service of your own: an image from a registry, or a folder with an image.yml.
  # - name: web
  #   image: nginx:1.29
  #   after: [network]               # conditions: state, network, config; or names of services
  #   ready: {tcp: 80}               # when it counts as up
  #   capabilities: [CAP_NET_BIND_SERVICE, CAP_CHOWN, CAP_SETUID, CAP_SETGID]
  #   limits: {memory: 128M, pids: 64}
  #   stop: {signal: QUIT, grace: 5s}

# Files added to the root file system.
files:
  - path: etc/motd
    contents: |
      Welcome to @NAME@.
    mode: "0644"
  # - path: etc/app.conf
  #   source: ./app.conf             # relative to this file
  #   mode: "0644"

# What "docker run" has on the machine. Bridge networks and "docker pull" take 3 MB; docs/engine.md has the settings.
# engine:
#   networks: false
#   log: {max_size: 10M, max_file: 3}

# Where things last: a blank disk becomes the state partition, at /state.
# state: {format: true}

# Whom the machine trusts at boot: a state partition on a fixed disk only, and cloud-config from a
# NoCloud disk (labelled "cidata").
trust:
  state: fixed
  datasources: [nocloud]
`;
