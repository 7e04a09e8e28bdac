import { EVENT_ID, type Event, SCALAR_STYLE, getScalarValue } from 'js-yaml';

/** A YAML node with its place in the text. An alias holds the node that its anchor named at that point. */
export type YamlNode =
  | { readonly kind: 'scalar'; readonly offset: number; readonly text: string; readonly plain: boolean }
  | { readonly kind: 'sequence'; readonly offset: number; readonly items: YamlNode[] }
  | {
      readonly kind: 'mapping';
      readonly offset: number;
      readonly pairs: { key: YamlNode; value: YamlNode }[];
    }
  | { readonly kind: 'alias'; readonly offset: number; readonly target: YamlNode | undefined };

type Collection = Extract<YamlNode, { kind: 'sequence' | 'mapping' }>;

/** The root node of each document among the events of js-yaml's `parseEvents`. */
export function nodesFromEvents(text: string, events: readonly Event[]): YamlNode[] {
  const roots: YamlNode[] = [];
  const anchors = new Map<string, YamlNode>();
  const open: { node: Collection; key: YamlNode | undefined }[] = [];
  let last = 0;

  const add = (node: YamlNode): void => {
    const parent = open.at(-1);
    if (!parent) roots.push(node);
    else if (parent.node.kind === 'sequence') parent.node.items.push(node);
    else if (parent.key === undefined) parent.key = node;
    else {
      parent.node.pairs.push({ key: parent.key, value: node });
      parent.key = undefined;
    }
    last = Math.max(last, node.offset);
  };
  const named = (event: { anchorStart: number; anchorEnd: number }, node: YamlNode): void => {
    if (event.anchorStart !== -1) anchors.set(text.slice(event.anchorStart, event.anchorEnd), node);
  };

  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        anchors.clear();
        break;
      case EVENT_ID.SCALAR: {
        // An empty value has no place of its own: it stands where its key does.
        const quote =
          event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
        const start = quote ? event.valueStart - 1 : event.valueStart;
        const offset = event.valueStart === -1 ? (open.at(-1)?.key?.offset ?? last) : start;
        const plain = event.style === SCALAR_STYLE.PLAIN && event.tagStart === -1;
        const node: YamlNode = { kind: 'scalar', offset, text: getScalarValue(text, event), plain };
        named(event, node);
        add(node);
        break;
      }
      case EVENT_ID.ALIAS: {
        const target = anchors.get(text.slice(event.anchorStart, event.anchorEnd));
        add({ kind: 'alias', offset: event.anchorStart - 1, target });
        break;
      }
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING: {
        const node: Collection =
          event.type === EVENT_ID.SEQUENCE
            ? { kind: 'sequence', offset: event.start, items: [] }
            : { kind: 'mapping', offset: event.start, pairs: [] };
        named(event, node);
        add(node);
        open.push({ node, key: undefined });
        break;
      }
      case EVENT_ID.POP:
        open.pop();
        break;
    }
  }
  return roots;
}
