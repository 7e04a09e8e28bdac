import { type Exchange, filters, refused, works } from '../exchange.ts';
import { MACHINE_NETWORK, NETWORK, NETWORK_CREATED, NETWORKS } from '../tables/networks-and-volumes.ts';

const NET = 'POST /networks/create';
const Config = [
  {
    Subnet: '10.213.0.0/24',
    IPRange: '10.213.0.128/25',
    Gateway: '10.213.0.1',
    AuxiliaryAddresses: { other: '10.213.0.5' },
  },
];

/** Networks: made, looked at and listed. */
export const NETWORK_EXCHANGES: readonly Exchange[] = [
  works('networkCreate', 'with all kinds of options', NET, 201, NETWORK_CREATED, {
    body: {
      Name: 'conf-net',
      Driver: 'bridge',
      Internal: false,
      Attachable: true,
      IPAM: { Config },
      Labels: { conformance: 'yes' },
      Options: { 'com.docker.network.driver.mtu': '1400' },
    },
    keep: { net: 'Id' },
  }),
  works('networkCreate', 'with nothing but a name', NET, 201, NETWORK_CREATED, {
    body: { Name: 'conf-plain' },
    keep: { plain: 'Id' },
  }),
  refused('networkCreate', 'a name in use', NET, 409, 'network with name conf-net already exists', {
    body: { Name: 'conf-net' },
  }),
  refused('networkCreate', 'no name', NET, 400, 'invalid name: ', { body: {} }),
  refused('networkCreate', 'nothing', NET, 400, 'invalid name: '),
  refused('networkCreate', 'no JSON', NET, 400, 'invalid JSON: unexpected EOF', { body: '{' }),
  refused(
    'networkCreate',
    'a list',
    NET,
    400,
    'invalid JSON: json: cannot unmarshal array into Go value of type types.NetworkCreateRequest',
    { body: [] },
  ),
  refused(
    'networkCreate',
    'a name of the wrong type',
    NET,
    400,
    'invalid JSON: json: cannot unmarshal number into Go struct field NetworkCreateRequest.Name of type string',
    { body: { Name: 5 } },
  ),
  refused('networkCreate', 'a name that is none', NET, 400, 'invalid name:  ', { body: { Name: ' ' } }),
  works('networkCreate', 'a name with a slash', NET, 201, NETWORK_CREATED, {
    body: { Name: 'a/b' },
    keep: { slash: 'Id' },
  }),
  works('networkRemove', 'a name with a slash', 'DELETE /networks/{slash}', 204),
  refused(
    'networkCreate',
    "one of the machine's names",
    NET,
    403,
    'operation is not permitted on predefined host network ',
    { body: { Name: 'host' } },
  ),
  refused(
    'networkCreate',
    'the name of all networks',
    NET,
    403,
    'operation is not permitted on predefined bridge network ',
    { body: { Name: 'bridge' } },
  ),
  refused('networkCreate', 'a driver that is unknown', NET, 404, 'plugin "conf-nope" not found', {
    body: { Name: 'conf-x', Driver: 'conf-nope' },
  }),
  refused(
    'networkCreate',
    "the machine's driver",
    NET,
    403,
    'only one instance of "host" network is allowed',
    {
      body: { Name: 'conf-x', Driver: 'host' },
    },
  ),
  refused(
    'networkCreate',
    'a subnet that is none',
    NET,
    400,
    'invalid network config:\ninvalid subnet x: invalid CIDR block notation',
    {
      body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: 'x' }] } },
    },
  ),
  refused(
    'networkCreate',
    'a subnet with bits of a host',
    NET,
    400,
    'invalid network config:\ninvalid subnet 10.214.0.1/24: it should be 10.214.0.0/24',
    {
      body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: '10.214.0.1/24' }] } },
    },
  ),
  refused(
    'networkCreate',
    'a gateway elsewhere',
    NET,
    400,
    "invalid network config:\ninvalid gateway 10.215.0.1: parent subnet 10.214.0.0/24 doesn't contain this address",
    {
      body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: '10.214.0.0/24', Gateway: '10.215.0.1' }] } },
    },
  ),
  refused(
    'networkCreate',
    'a range elsewhere',
    NET,
    400,
    "invalid network config:\ninvalid ip-range 10.215.0.0/25: parent subnet 10.214.0.0/24 doesn't contain ip-range",
    {
      body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: '10.214.0.0/24', IPRange: '10.215.0.0/25' }] } },
    },
  ),
  refused(
    'networkCreate',
    'a subnet in use',
    NET,
    403,
    'Pool overlaps with other one on this address space',
    {
      body: { Name: 'conf-x', IPAM: { Config: [{ Subnet: '10.213.0.0/24' }] } },
    },
  ),
  works('networkInspect', 'by name', 'GET /networks/conf-net', 200, NETWORK),
  works('networkInspect', 'by id', 'GET /networks/{net}', 200, NETWORK),
  works('networkInspect', 'by a part of its id', 'GET /networks/{net:12}', 200, NETWORK),
  works('networkInspect', 'with nothing but a name', 'GET /networks/conf-plain', 200, NETWORK),
  works('networkInspect', "the machine's", 'GET /networks/host', 200, MACHINE_NETWORK),
  works('networkInspect', 'the default one', 'GET /networks/bridge', 200, NETWORK),
  works('networkInspect', 'none', 'GET /networks/none', 200, NETWORK),
  works('networkInspect', 'as API 1.24', 'GET /v1.24/networks/conf-net', 200, NETWORK),
  refused(
    'networkInspect',
    'a name that is not there',
    'GET /networks/conf-nope',
    404,
    'network conf-nope not found',
  ),
  refused(
    'networkInspect',
    'in a scope where it is not',
    'GET /networks/conf-net?scope=swarm',
    404,
    'network conf-net not found',
  ),
  refused(
    'networkInspect',
    'a bad switch',
    'GET /networks/conf-net?verbose=perhaps',
    400,
    'invalid value for verbose: perhaps: strconv.ParseBool: parsing "perhaps": invalid syntax',
  ),
  works('networkList', 'by name', `GET /networks?${filters({ name: ['conf-'] })}`, 200, NETWORKS),
  works('networkList', 'by label', `GET /networks?${filters({ label: ['conformance=yes'] })}`, 200, NETWORKS),
  works('networkList', 'by driver', `GET /networks?${filters({ driver: ['null'] })}`, 200, NETWORKS),
  works(
    'networkList',
    'what nobody uses',
    `GET /networks?${filters({ dangling: ['true'], name: ['conf-'] })}`,
    200,
    NETWORKS,
  ),
  works(
    'networkList',
    'people’s own',
    `GET /networks?${filters({ type: ['custom'], name: ['conf-'] })}`,
    200,
    NETWORKS,
  ),
  works(
    'networkList',
    'as API 1.24',
    `GET /v1.24/networks?${filters({ name: ['conf-net'] })}`,
    200,
    NETWORKS,
  ),
  refused(
    'networkList',
    'a filter that is unknown',
    `GET /networks?${filters({ colour: ['red'] })}`,
    400,
    "invalid filter 'colour'",
  ),
  refused('networkList', 'filters that are no JSON', 'GET /networks?filters=x', 400, 'invalid filter'),
  refused(
    'networkList',
    'a kind that is unknown',
    `GET /networks?${filters({ type: ['odd'] })}`,
    500,
    "invalid filter: 'type'='odd'",
  ),
  refused(
    'networkList',
    'dangling that is neither',
    `GET /networks?${filters({ dangling: ['perhaps'] })}`,
    400,
    'invalid value for filter \'dangling\', must be "true" (or "1"), or "false" (or "0")',
  ),
];
