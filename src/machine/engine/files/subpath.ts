import type { Place } from '../../host/place.ts';
import { FileView } from './file-view.ts';

/** A folder or file of a volume, found without leaving the volume; undefined when it is not there. */
export async function openSubpath(folder: string, subpath: string): Promise<Place | undefined> {
  await using volume = await FileView.open(folder, []);
  return (await volume.find(subpath, true))?.place;
}
