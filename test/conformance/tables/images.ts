/** Bodies about images, from Docker's description of API 1.45. */
import { list, map, nullable, optional, ownList, record, setOf } from '../shape.ts';
import { CONFIG } from './containers.ts';

const texts = list('text');

/** An entry of GET /images/json */
export const IMAGE_SUMMARY = record({
  Id: 'digest',
  ParentId: 'text',
  RepoTags: nullable(setOf('text')),
  RepoDigests: nullable(setOf('text')),
  Created: 'int',
  Size: 'size',
  VirtualSize: optional('size'),
  SharedSize: 'size',
  Labels: nullable(map('text')),
  Containers: 'int',
});

/** GET /images/json */
export const IMAGES = setOf(IMAGE_SUMMARY);

/** GET /images/{name}/json */
export const IMAGE = record({
  Id: 'digest',
  RepoTags: setOf('text'),
  RepoDigests: setOf('text'),
  Parent: 'text',
  Comment: 'text',
  Created: optional('time'),
  Container: optional('text'),
  ContainerConfig: optional(nullable(CONFIG)),
  DockerVersion: 'own',
  Author: 'text',
  Config: nullable(CONFIG),
  Architecture: 'text',
  Variant: optional('text'),
  Os: 'text',
  OsVersion: optional('text'),
  Size: 'size',
  VirtualSize: optional('size'),
  GraphDriver: record({ Name: 'text', Data: nullable(map('path')) }),
  RootFS: record({ Type: 'text', Layers: optional(texts) }),
  Metadata: record({ LastTagTime: optional('time') }),
});

/** GET /images/{name}/history */
export const HISTORY = list(
  record({
    Id: 'own-text',
    Created: 'own',
    CreatedBy: 'text',
    Tags: nullable(setOf('text')),
    Size: 'size',
    Comment: 'text',
  }),
);

/** DELETE /images/{name} */
export const REMOVED = list(record({ Untagged: optional('text'), Deleted: optional('digest') }));

/** POST /images/prune */
export const IMAGES_PRUNED = record({ ImagesDeleted: nullable(ownList('any')), SpaceReclaimed: 'size' });
