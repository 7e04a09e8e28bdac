import t from 'tap';
import { parseManifest } from '../../../../src/shared/manifest/parse-manifest.ts';
import { InputError, formatFault } from '../../../../src/shared/yaml/faults.ts';

const service = (more: string, name = 'a') =>
  `services:\n  - name: ${name}\n    image: alpine\n    ${more}\n`;

/** `at` is line:column of the first fault; `hint` is matched whole where it is a text. */
const BAD: readonly {
  desc: string;
  text: string;
  at: string;
  message: string | RegExp;
  hint: string | RegExp;
}[] = [
  { desc: 'empty file', text: '', at: '1:1', message: 'the manifest is empty', hint: /slipway init/ },
  {
    desc: 'a list',
    text: '- a\n',
    at: '1:1',
    message: 'the file: expected a mapping, found a list',
    hint: '',
  },
  {
    desc: 'unknown key',
    text: 'sevices: []\n',
    at: '1:1',
    message: 'unknown key "sevices"',
    hint: 'did you mean "services"?',
  },
  {
    desc: 'unknown key of a service',
    text: service('environment: [A=b]'),
    at: '4:5',
    message: 'unknown key "environment"',
    hint: 'did you mean "env"?',
  },
  {
    desc: 'unknown key without a likeness',
    text: 'trust: {zzzz: 1}\n',
    at: '1:9',
    message: 'unknown key "zzzz"',
    hint: 'known keys here: datasources, image, org, state',
  },
  {
    desc: 'a default runtime that the image does not have',
    text: 'engine:\n  default_runtime: runc\n',
    at: '2:20',
    message: 'engine.default_runtime: runc is not among the runtimes of the image',
    hint: 'write runtimes: [crun, runc]',
  },
  {
    desc: 'a runtime that there is not',
    text: 'engine: {default_runtime: kata}\n',
    at: '1:27',
    message: 'engine.default_runtime: "kata" is not known',
    hint: 'use one of "crun", "runc"',
  },
  {
    desc: "daemon.json's spelling",
    text: 'engine: {registry-mirrors: []}\n',
    at: '1:10',
    message: 'unknown key "registry-mirrors"',
    hint: 'did you mean "registries"?',
  },
  {
    desc: 'a mirror with a login',
    text: 'engine: {registries: {mirrors: {docker.io: ["https://me:pw@mirror.example"]}}}\n',
    at: '1:45',
    message:
      /^engine\.registries\.mirrors\.docker\.io\[0\]: expected a URL without a login, such as https:\/\/mirror\.example/,
    hint: '',
  },
  {
    desc: 'a mirror of a URL',
    text: 'engine:\n  registries:\n    mirrors:\n      https://docker.io/: [https://mirror.example]\n',
    at: '4:7',
    message:
      /expected a registry as HOST or HOST:PORT, such as registry\.example:5000, found "https:\/\/docker.io\/"/,
    hint: '',
  },
  {
    desc: 'a range of insecure registries',
    text: 'engine: {registries: {insecure: [10.0.0.0/8]}}\n',
    at: '1:34',
    message: /expected a registry as HOST or HOST:PORT/,
    hint: '',
  },
  {
    desc: 'a TLS port out of range',
    text: 'engine: {tls: {port: 70000}}\n',
    at: '1:22',
    message: 'engine.tls.port: 70000 must be <= 65535',
    hint: '',
  },
  {
    desc: 'TLS without a value',
    text: 'engine:\n  tls:\n',
    at: '2:3',
    message: 'engine.tls: expected a mapping, found nothing',
    hint: 'give it a value, or remove the key',
  },
  {
    desc: 'a faulty OCI hook',
    text: 'files:\n  - path: etc/containers/oci/hooks.d/a.json\n    contents: \'{"version": "1.0.0"}\'\n',
    at: '2:11',
    message: 'OCI hook /etc/containers/oci/hooks.d/a.json: "hook" is missing',
    hint: 'see "Hooks" in docs/engine.md',
  },
  {
    desc: 'an address that there cannot be',
    text: 'engine: {tls: {host: 300.0.0.1}}\n',
    at: '1:22',
    message: 'engine.tls.host: "300.0.0.1" is no address',
    hint: /192\.0\.2\.1/,
  },
  {
    desc: 'a log of no size',
    text: 'engine: {log: {max_size: 0}}\n',
    at: '1:26',
    message: 'engine.log.max_size: a log cannot be of no size',
    hint: /10M/,
  },
  {
    desc: 'the size of a log',
    text: 'engine: {log: {max_size: ten}}\n',
    at: '1:26',
    message: /expected a size such as 64M or 1\.5G, found "ten"/,
    hint: '',
  },
  {
    desc: 'text instead of list',
    text: service('command: /bin/sh'),
    at: '4:14',
    message: 'services[0].command: expected a list, found the text "/bin/sh"',
    hint: 'write a list: ["/bin/sh"]',
  },
  {
    desc: 'number instead of text',
    text: 'version: 1.10\n',
    at: '1:10',
    message: /found the number 1.1$/,
    hint: 'write it in quotes: "1.10"',
  },
  {
    desc: 'yes instead of true',
    text: service('readonly: yes'),
    at: '4:15',
    message: 'services[0].readonly: expected true or false, found the text "yes"',
    hint: 'write true',
  },
  {
    desc: 'nothing',
    text: 'name:\n',
    at: '1:1',
    message: /expected a name .*, found nothing/,
    hint: 'give it a value, or remove the key',
  },
  {
    desc: 'mode as number',
    text: 'files:\n  - path: a\n    contents: b\n    mode: 644\n',
    at: '4:11',
    message: /octal mode in quotes, such as "0644", found the number 644/,
    hint: 'write it in quotes: "644"',
  },
  {
    desc: 'octal mode',
    text: 'files:\n  - path: a\n    contents: b\n    mode: 0644\n',
    at: '4:11',
    message: /octal or decimal/,
    hint: 'write it in quotes: "0644"',
  },
  {
    desc: 'enum',
    text: 'compression: zst\n',
    at: '1:14',
    message: 'compression: "zst" is not known',
    hint: 'did you mean "zstd"?',
  },
  {
    desc: 'platform',
    text: 'kernel:\n  platforms: [virtio, bare-metal]\n',
    at: '2:23',
    message: 'kernel.platforms[1]: "bare-metal" is not known',
    hint: 'did you mean "baremetal"?',
  },
  {
    desc: 'capability',
    text: service('capabilities: [NET_ADMIN]'),
    at: '4:20',
    message: /"NET_ADMIN" is not known/,
    hint: 'did you mean "CAP_NET_ADMIN"?',
  },
  {
    desc: 'all beside others',
    text: service('capabilities: [CAP_KILL, all]'),
    at: '4:30',
    message: /"all" stands beside other/,
    hint: 'write it alone',
  },
  {
    desc: 'duration without unit',
    text: service('timeout: 30'),
    at: '4:14',
    message: /expected a duration with its unit/,
    hint: 'add the unit: 30s',
  },
  {
    desc: 'duration of words',
    text: service('timeout: soon'),
    at: '4:14',
    message: /expected a duration .* found "soon"/,
    hint: '',
  },
  {
    desc: 'missing image',
    text: 'services:\n  - name: a\n',
    at: '2:5',
    message: '"image" is missing',
    hint: /add "image:" with an image, such as/,
  },
  {
    desc: 'missing name',
    text: 'services:\n  - image: a\n',
    at: '2:5',
    message: '"name" is missing',
    hint: /add "name:"/,
  },
  {
    desc: 'unknown system image',
    text: 'services:\n  - name: a\n    image: system-images/npt\n',
    at: '3:12',
    message: /there is no built-in image/,
    hint: 'did you mean "system-images/ntp"?',
  },
  {
    desc: 'unknown system image without a likeness',
    text: 'services:\n  - name: a\n    image: system-images/weather\n',
    at: '3:12',
    message: /there is no built-in image/,
    hint: 'there are console, network, ntp, syslog, udev',
  },
  {
    desc: 'a command line instead of words',
    text: service('command: "nginx -g \'daemon off;\'"'),
    at: '4:14',
    message: /expected a list, found the text/,
    hint: 'write a list: ["nginx", "-g", "daemon off;"]',
  },
  {
    desc: 'a command line as what tells that it is up',
    text: service('ready: {exec: pg_isready -q}'),
    at: '4:19',
    message: /services\[0\]\.ready\.exec: expected a list/,
    hint: 'write a list: ["pg_isready", "-q"]',
  },
  {
    desc: 'an environment as a mapping',
    text: service('env: {A: b, C: 1}'),
    at: '4:10',
    message: /services\[0\]\.env: expected a list, found a mapping/,
    hint: 'write a list: ["A=b", "C=1"]',
  },
  {
    desc: 'kernel parameters as a list',
    text: 'sysctl: [net.ipv4.ip_forward=1, vm.swappiness=10]\n',
    at: '1:9',
    message: /sysctl: expected a mapping.*found a list/,
    hint: 'write a mapping: {net.ipv4.ip_forward: "1", vm.swappiness: "10"}',
  },
  {
    desc: 'true instead of a word',
    text: 'rescue: true\n',
    at: '1:9',
    message: 'rescue: true is not known',
    hint: 'use one of "login", "shell", "reboot"',
  },
  {
    desc: 'malformed reference',
    text: 'services:\n  - name: a\n    image: Foo/Bar\n',
    at: '3:12',
    message: /image reference "Foo\/Bar"/,
    hint: /lower-case/,
  },
  {
    desc: '@pkg template',
    text: 'init: ["@pkg:../x"]\n',
    at: '1:8',
    message: /@pkg templates are not supported yet/,
    hint: /an image is/,
  },
  {
    desc: 'unknown service in after',
    text: service('after: [b]'),
    at: '4:13',
    message: 'services "a": after names "b", which is no service',
    hint: 'there are no others; conditions are state, network, config',
  },
  {
    desc: 'misspelt condition',
    text: service('after: [netwrok]'),
    at: '4:13',
    message: /which is no service/,
    hint: 'did you mean "network"?',
  },
  {
    desc: 'condition in before',
    text: service('before: [network]'),
    at: '4:14',
    message: /before names "network"/,
    hint: /there are/,
  },
  {
    desc: 'cargo that is not there',
    text: service('after: ["cargo:docker"]'),
    at: '4:13',
    message: /there is no "cargo:docker" in this image/,
    hint: 'remove it',
  },
  {
    desc: 'unknown name in a label',
    text: service('labels: {io.rancher.os.after: "x, cloud-init"}'),
    at: '4:35',
    message: /after names "x"/,
    hint: /there are/,
  },
  {
    desc: 'waits for itself',
    text: service('after: [a]'),
    at: '4:13',
    message: 'services wait for each other: a -> a',
    hint: /remove one/,
  },
  {
    desc: 'cycle',
    text: 'services:\n  - {name: a, image: x, after: [b]}\n  - {name: b, image: x, after: [c]}\n  - {name: c, image: x}\n  - {name: d, image: x, before: [c], after: [a]}\n',
    at: '2:33',
    message: 'services wait for each other: a -> b -> c -> d -> a',
    hint: 'remove one of these from after or before',
  },
  {
    desc: 'onboot waits for a service',
    text: 'onboot:\n  - {name: a, image: x, after: [b]}\nservices:\n  - {name: b, image: x}\n',
    at: '2:33',
    message: 'onboot "a" waits for "b" of services, but services start when onboot is done',
    hint: /move one/,
  },
  {
    desc: 'onboot against its order',
    text: 'onboot:\n  - {name: a, image: x, after: [b]}\n  - {name: b, image: x}\n',
    at: '2:33',
    message: 'services wait for each other: a -> b -> a (onboot runs in the order written)',
    hint: /remove/,
  },
  {
    desc: 'duplicate name',
    text: 'services:\n  - {name: a, image: x}\n  - {name: a, image: y}\n',
    at: '3:12',
    message: 'a second service is called "a"',
    hint: 'rename one of the two',
  },
  {
    desc: 'name of a condition',
    text: 'services:\n  - {name: state, image: x}\n',
    at: '2:12',
    message: /that is a condition/,
    hint: 'choose another name',
  },
  {
    desc: 'unknown pod',
    text: service('pod: b'),
    at: '4:10',
    message: /pod names "b", which is no service/,
    hint: /own namespaces/,
  },
  {
    desc: 'the pod of itself',
    text: service('pod: a'),
    at: '4:10',
    message: /pod names "a", which is the service itself/,
    hint: /own namespaces/,
  },
  {
    desc: 'a pod of a pod',
    text: 'services:\n  - {name: a, image: x}\n  - {name: b, image: x, pod: a}\n  - {name: c, image: x, pod: b}\n',
    at: '4:30',
    message: /pod names "b", which is in a pod itself/,
    hint: /own namespaces/,
  },
  {
    desc: 'a pod with a oneshot',
    text: 'onboot:\n  - {name: a, image: x}\nservices:\n  - {name: b, image: x, pod: a}\n',
    at: '4:30',
    message: /does not run at that time: both must be in "services"/,
    hint: /own namespaces/,
  },
  {
    desc: 'a pod and a wait for each other',
    text: 'services:\n  - {name: a, image: x, after: [b]}\n  - {name: b, image: x, pod: a}\n',
    at: '2:33',
    message: 'services wait for each other: a -> b -> a',
    hint: /remove one of these/,
  },
  {
    desc: 'a pod with a network of its own',
    text: 'services:\n  - {name: a, image: x}\n  - {name: b, image: x, pod: a, net: new}\n',
    at: '3:38',
    message: /pod and net are both given/,
    hint: /remove "net"/,
  },
  {
    desc: 'a oneshot that is restarted',
    text: service('ready: exit\n    restart: always'),
    at: '5:5',
    message: /"ready: exit" makes it a oneshot, which are not started again/,
    hint: /"no" or "on-failure"/,
  },
  {
    desc: 'an onboot that does not run',
    text: 'onboot:\n  - {name: a, image: x, autostart: false}\n',
    at: '2:36',
    message: /onboot runs each of its containers/,
    hint: /"services"/,
  },
  {
    desc: 'pid: pod without a pod',
    text: service('pid: pod'),
    at: '4:10',
    message: /"pid: pod" without "pod"/,
    hint: /name the service/,
  },
  {
    desc: 'two kinds of ready',
    text: service('ready: {tcp: 80, log: x}'),
    at: '4:5',
    message: /exactly one of .*; found tcp and log/,
    hint: 'keep one of them',
  },
  {
    desc: 'a port that is none',
    text: service('ready: {tcp: "a:70000"}'),
    at: '4:18',
    message: /no such port/,
    hint: /65535/,
  },
  {
    desc: 'a regular expression that is none',
    text: service('ready: {log: "("}'),
    at: '4:18',
    message: /not a regular expression/,
    hint: /put/,
  },
  {
    desc: 'restart of a oneshot',
    text: 'onboot:\n  - {name: a, image: x, restart: always}\n',
    at: '2:25',
    message: /onboot is for oneshots/,
    hint: /"no" or "on-failure"/,
  },
  {
    desc: 'unknown restart policy',
    text: service('restart: sometimes'),
    at: '4:14',
    message: /expected no, always, unless-stopped/,
    hint: '',
  },
  {
    desc: 'unknown key of a restart policy',
    text: service('restart: {max-delay: 3s}'),
    at: '4:15',
    message: 'unknown key "max-delay"',
    hint: 'did you mean "max_delay"?',
  },
  {
    desc: 'a signal that is none',
    text: service('stop: {signal: FOO}'),
    at: '4:20',
    message: /"FOO" is no signal/,
    hint: /TERM/,
  },
  {
    desc: 'a kernel parameter of the whole machine',
    text: service('sysctl: {kernel.panic: 1}'),
    at: '4:28',
    message: /kernel\.panic is not a kernel parameter of a container/,
    hint: /"sysctl" of the manifest itself/,
  },
  {
    desc: 'a host name as a kernel parameter',
    text: service('sysctl: {kernel.hostname: h}'),
    at: '4:31',
    message: /kernel\.hostname is another key/,
    hint: 'use "hostname"',
  },
  {
    desc: "a host name in the machine's namespace",
    text: service('hostname: h\n    uts: host'),
    at: '4:15',
    message: /a host name needs a namespace of its own, but "uts" is host/,
    hint: 'add "uts: new"',
  },
  {
    desc: 'user and uid',
    text: service('user: a\n    uid: 5'),
    at: '4:11',
    message: /user and uid are both given/,
    hint: /keep/,
  },
  {
    desc: 'a group twice',
    text: service('user: a:b\n    gid: 5'),
    at: '5:10',
    message: /"user" names a group, and gid is given too/,
    hint: /keep one/,
  },
  {
    desc: 'services as in a compose file',
    text: 'name: x\nservices:\n  web:\n    image: nginx\n',
    at: '3:3',
    message: /services: expected a list, found a mapping/,
    hint: /write a list, whose items begin with "- name: web"/,
  },
  {
    desc: 'ports as in a compose file',
    text: service('ports: ["80:80"]'),
    at: '4:5',
    message: /ports/,
    hint: /a service has the machine's network/,
  },
  {
    desc: 'memory without a unit',
    text: service('limits: { memory: 64 }'),
    at: '4:23',
    message: /64 is less than the 6M that a container needs at least/,
    hint: /such as 64M/,
  },
  {
    desc: 'too few bytes of memory',
    text: service('resources: { memory: { limit: 4096 } }'),
    at: '4:35',
    message: /4096 is less than the 6M/,
    hint: /number of bytes/,
  },
  {
    desc: 'volume',
    text: service('binds: ["data:/data"]'),
    at: '4:13',
    message: /"data" would be a volume: not supported yet/,
    hint: /absolute path/,
  },
  {
    desc: 'bind without destination',
    text: service('binds: [/data]'),
    at: '4:13',
    message: /expected SOURCE:DESTINATION/,
    hint: '',
  },
  {
    desc: 'not supported: volumes',
    text: 'volumes:\n  - name: x\n',
    at: '1:1',
    message: 'volumes is not supported yet',
    hint: /state/,
  },
  {
    desc: 'not supported: kernel.image',
    text: 'kernel: {image: linuxkit/kernel:6}\n',
    at: '1:10',
    message: 'kernel.image is not supported yet',
    hint: /Debian's kernel/,
  },
  {
    desc: 'not supported: runtime',
    text: service('runtime: {mkdir: [/x]}'),
    at: '4:5',
    message: 'services[0].runtime is not supported yet',
    hint: /files/,
  },
  {
    desc: 'not supported: part of resources',
    text: service('resources: {memory: {kernel: 3}}'),
    at: '4:26',
    message: 'services[0].resources.memory.kernel is not supported yet',
    hint: 'use limits.memory',
  },
  {
    desc: 'file out of the root',
    text: 'files:\n  - {path: ../x, contents: y}\n',
    at: '2:12',
    message: /holds "\.\."/,
    hint: /from the root/,
  },
  {
    desc: 'file without content',
    text: 'files:\n  - path: x\n',
    at: '2:5',
    message: /found none/,
    hint: 'add one of them',
  },
  {
    desc: 'file with two contents',
    text: 'files:\n  - {path: x, contents: y, directory: true}\n',
    at: '2:39',
    message: /found contents and directory/,
    hint: 'keep one of them',
  },
  {
    desc: 'owner that is no service',
    text: 'files:\n  - {path: x, contents: y, uid: nobody}\n',
    at: '2:33',
    message: /"nobody" is the name of no service/,
    hint: /number/,
  },
  {
    desc: 'a kernel line that GRUB would change',
    text: "kernel:\n  cmdline: console=ttyS0 dyndbg='file x +p'\n",
    at: '2:12',
    message: /^kernel\.cmdline: expected one line of ASCII text without quotes and backslashes/,
    hint: '',
  },
  {
    desc: 'two lines of command line',
    text: 'kernel:\n  cmdline: "a\\nb"\n',
    at: '2:12',
    message: /one line of ASCII/,
    hint: '',
  },
  {
    desc: 'name with a slash',
    text: 'name: a/b\n',
    at: '1:7',
    message: /expected a name of lower-case letters/,
    hint: '',
  },
  {
    desc: 'tab',
    text: 'services:\n\t- name: a\n',
    at: '2:1',
    message: /tab characters/,
    hint: 'indent with spaces',
  },
  {
    desc: 'CRLF and BOM',
    text: '\ufeffname: a\r\nsevices: 1\r\n',
    at: '2:1',
    message: 'unknown key "sevices"',
    hint: /services/,
  },
];

for (const { desc, text, at, message, hint } of BAD) {
  t.test(desc, async t => {
    const faults = faultsOf({ 'm.yml': text });
    t.equal(faults.length, 1, faults.map(formatFault).join('\n'));
    const [fault] = faults;
    t.equal(`${fault?.place?.line}:${fault?.place?.column}`, at);
    t.match(fault?.message, message);
    if (typeof message === 'string') t.equal(fault?.message, message);
    if (typeof hint === 'string') t.equal(fault?.hint ?? '', hint);
    else t.match(fault?.hint, hint);
    t.equal(fault?.place?.file, 'm.yml');
  });
}

t.test('all faults of all files at once, in reading order', async t => {
  const faults = faultsOf({
    'a.yml': 'compression: zst\nservices:\n  - {name: web, image: x, after: [nope]}\nsevices: 1\n',
    'b.yml': 'services:\n  - {name: web, image: x}\n',
    'c.yml': 'a: [\n',
  });
  t.same(
    faults.map(({ place, message }) => `${place?.file}:${place?.line} ${message.slice(0, 30)}`),
    [
      'a.yml:1 compression: "zst" is not know',
      'a.yml:3 services "web": after names "n',
      'a.yml:4 unknown key "sevices"',
      'b.yml:2 a second service is called "we',
      `c.yml:2 ${faults.at(-1)?.message.slice(0, 30)}`,
    ],
  );
  t.equal(faults[3]?.related?.place.file, 'a.yml', 'the first of two services of one name is shown too');
});

t.test('a faulty service still counts as a name that others wait for', async t => {
  const faults = faultsOf({
    'm.yml': 'services:\n  - {name: a, image: x, foo: 1}\n  - {name: b, image: x, after: [a]}\n',
  });
  t.same(
    faults.map(fault => fault.message),
    ['unknown key "foo"'],
  );
});

t.test('no shape of garbage breaks the parser', async t => {
  const values = [
    '1',
    'x',
    'null',
    '[]',
    '{}',
    '[1]',
    '[[]]',
    '{a: 1}',
    '[{name: 1}]',
    '[{name: a, image: {}}]',
    'true',
  ];
  const keys = [
    'kernel',
    'init',
    'onboot',
    'services',
    'files',
    'trust',
    'sysctl',
    'state',
    'volumes',
    'name',
  ];
  for (const key of keys) {
    for (const value of values) {
      try {
        parseManifest([{ name: 'm', text: `${key}: ${value}\n` }]);
      } catch (error) {
        if (!(error instanceof InputError)) t.fail(`${key}: ${value} -> ${String(error)}`);
      }
    }
  }
  t.pass();
});

function faultsOf(files: Readonly<Record<string, string>>) {
  try {
    parseManifest(Object.entries(files).map(([name, text]) => ({ name, text })));
  } catch (error) {
    if (error instanceof InputError) return error.faults;
    throw error;
  }
  return [];
}
