export type Props = Record<string, string>;

const NET_MODELS = ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];

/** Parses `a,b=c`. The value without a name belongs to `defaultKey`. */
export function parseProps(text: string, defaultKey: string): Props {
  const props: Props = {};
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    if (equals === -1) props[defaultKey] = part;
    else props[part.slice(0, equals)] = part.slice(equals + 1);
  }
  return props;
}

export function printProps(props: Props, defaultKey: string): string {
  const { [defaultKey]: first, ...rest } = props;
  const named = Object.entries(rest)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return [...(first === undefined ? [] : [first]), ...named].join(",");
}

/** Formats a network card as Proxmox VE returns it: `MODEL=MAC,bridge=…`. */
export function normalizeNet(text: string, keepMac: string | undefined, newMac: () => string): string {
  const props = parseProps(text, "model");
  const byModel = NET_MODELS.find((model) => props[model] !== undefined);
  const model = props["model"] ?? byModel ?? "virtio";
  const mac = props["macaddr"] ?? (byModel === undefined ? undefined : props[byModel]) ?? keepMac ?? newMac();
  const { model: _, macaddr: __, [model]: ___, ...rest } = props;
  const others = printProps(rest, "");
  return `${model}=${mac.toUpperCase()}${others === "" ? "" : `,${others}`}`;
}

export function macOf(net: string): string {
  return /=([0-9A-F]{2}(?::[0-9A-F]{2}){5})/i.exec(net)![1]!;
}
