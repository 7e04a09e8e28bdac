import t from 'tap';
import {
  formatNetavarkInput,
  type NetavarkConnection,
} from '../../../../../src/machine/engine/runtime/netavark.ts';

const connection: NetavarkConnection = {
  containerId: 'c',
  containerName: 'web',
  network: {
    id: 'n',
    bridge: 'br-n',
    subnets: [{ subnet: '10.1.0.0/16', gateway: '10.1.0.1' }],
    ipv6: false,
    internal: false,
    hasNames: true,
  },
  interfaceName: 'eth0',
  addresses: ['10.1.0.2'],
  mac: '02:42:0a:01:00:02',
  aliases: ['www'],
  isGateway: true,
  nameservers: [],
  ports: [{ containerPort: 80, protocol: 'tcp', hostIp: '', hostPort: 8080, count: 2 }],
};

t.test("netavark's input", t => {
  t.match(formatNetavarkInput(connection), {
    networks: { n: { static_ips: ['10.1.0.2'], aliases: ['www'], interface_name: 'eth0' } },
    network_info: { n: { name: 'n', dns_enabled: true, options: { isolate: 'true' } } },
    port_mappings: [{ container_port: 80, host_port: 8080, range: 2, host_ip: '', protocol: 'tcp' }],
  });
  t.match(
    formatNetavarkInput({
      ...connection,
      isGateway: false,
      nameservers: ['1.1.1.1'],
      network: { ...connection.network, hasNames: false, mtu: 1400 },
    }),
    {
      networks: { n: { aliases: [] } },
      network_info: { n: { options: { no_default_route: 'true', mtu: '1400' } } },
      dns_servers: ['1.1.1.1'],
    },
  );
  t.end();
});
