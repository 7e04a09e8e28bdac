import t from 'tap';
import {
  checkNetworkConflicts,
  endpointsOf,
  hasSandbox,
  networkModeOf,
  parseLink,
  planEndpoint,
  planEndpoints,
} from '../../../../../src/machine/engine/networks/modes.ts';
import type { ContainerCreateRequest, EndpointSettings } from '../../../../../src/machine/engine-api/wire.ts';

const refused = { code: 'ENGINE_INVALID_PARAMETER' };
const request = (
  mode: string,
  endpoints: Readonly<Record<string, EndpointSettings>> = {},
): ContainerCreateRequest => ({
  Image: 'x',
  HostConfig: { NetworkMode: mode },
  NetworkingConfig: { EndpointsConfig: endpoints },
});
const names = (asked: ContainerCreateRequest): string[] => planEndpoints(asked).map(({ network }) => network);

t.test('modes', t => {
  t.equal(networkModeOf({ Image: 'x' }), 'bridge');
  t.equal(networkModeOf(request('default')), 'bridge');
  t.equal(networkModeOf({ ...request('front'), NetworkDisabled: true }), 'none');
  t.equal(networkModeOf({ ...request('new'), Slipway: { scope: 'boot' } }), 'none', "LinuxKit's word");
  t.equal(networkModeOf(request('new')), 'new', "which is a network's name for others");
  for (const mode of ['host', 'none', 'container:x', '/proc/1/ns/net']) {
    t.notOk(hasSandbox({ request: request(mode) }), mode);
    t.same(names(request(mode)), [], mode);
  }
  t.ok(hasSandbox({ request: request('none'), endpoints: [planEndpoint('front', {})] }), 'connected later');
  t.end();
});

t.test('networks of a request, that of the mode first', t => {
  t.same(names(request('default', { default: {} })), ['bridge'], "as Docker's client says it");
  t.same(names(request('front', { back: {}, front: {} })), ['front', 'back']);
  t.same(names(request('front')), ['front']);
  t.match(planEndpoints({ ...request('front'), MacAddress: '02-00-00-00-00-0A' }), [
    { mac: '02:00:00:00:00:0a' },
  ]);
  t.same(names(request('host', { host: {}, bridge: {} })), [], 'older clients name the default one too');
  t.throws(() => planEndpoints(request('host', { front: {} })), { message: /sharing network namespace/ });
  t.throws(() => planEndpoints(request('none', { front: {} })), { message: /private \(none\) mode/ });
  const wish = planEndpoint('x', {});
  t.same(endpointsOf({ request: request('front'), endpoints: [wish] }), [wish], 'later changes count');
  t.end();
});

t.test('settings are checked before they become lines of files', t => {
  t.match(
    planEndpoint('front', { Aliases: ['a', 'a', 'b.c-d_e'], IPAMConfig: { IPv4Address: '10.0.0.9' } }),
    {
      aliases: ['a', 'b.c-d_e'],
      ipv4: '10.0.0.9',
    },
  );
  for (const alias of ['', 'a b', 'a,b', 'a\nb', '-a', 'a'.repeat(300)])
    t.throws(() => planEndpoint('front', { Aliases: [alias] }), refused, JSON.stringify(alias));
  t.throws(() => planEndpoint('front', { MacAddress: 'x' }), refused);
  t.throws(() => planEndpoint('front', { IPAMConfig: { IPv4Address: 'fd00::1' } }), refused);
  t.throws(() => planEndpoint('front', { IPAMConfig: { LinkLocalIPs: ['169.254.1.1'] } }), {
    code: 'ENGINE_NOT_SUPPORTED',
  });
  t.throws(() => planEndpoint('bridge', { Aliases: ['a'] }), {
    message: /only for containers in user defined/,
  });
  t.throws(() => planEndpoint('bridge', { IPAMConfig: { IPv4Address: '10.0.0.9' } }), refused);
  t.same(parseLink('db'), { container: 'db', alias: 'db' });
  t.same(parseLink('/db:/web/alias'), { container: '/db', alias: 'alias' }, 'as older clients write it');
  for (const link of ['', 'a:b:c', 'a:', 'a:b c']) t.throws(() => parseLink(link), refused, link);
  t.end();
});

t.test('what cannot be had in the network of another', t => {
  const shared = request('container:x');
  t.doesNotThrow(() => checkNetworkConflicts(shared));
  for (const change of [
    { Hostname: 'x' },
    { MacAddress: '02:00:00:00:00:01' },
    { ExposedPorts: ['80/tcp'] },
    { HostConfig: { NetworkMode: 'container:x', PortBindings: { '80/tcp': [{}] } } },
    { HostConfig: { NetworkMode: 'container:x', Dns: ['1.1.1.1'] } },
    { HostConfig: { NetworkMode: 'container:x', ExtraHosts: ['a:1.1.1.1'] } },
    { HostConfig: { NetworkMode: 'host', Links: ['a'] } },
  ] satisfies Partial<ContainerCreateRequest>[]) {
    t.throws(() => checkNetworkConflicts({ ...shared, ...change }), { message: /^conflicting options: / });
  }
  t.end();
});
