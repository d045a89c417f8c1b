const IPV6 = /^[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*(%\S+)?$/i;

/** Returns an address without the brackets that an IPv6 address has in a URL. */
export function bareHost(host: string): string {
  const inner = /^\[(.*)\]$/.exec(host)?.[1];
  return inner !== undefined && IPV6.test(inner) ? inner : host;
}

/** Returns why a text is not the name or the address of a host; `undefined` when it is one. */
export function hostProblem(host: string): string | undefined {
  if (isAlone(host)) return undefined;
  const [, user, address = "", port] = /^(?:([^@]*)@)?(\[[^\]]*\]|[^:@]*)(?::(\d*))?$/.exec(host) ?? [];
  if (!isAlone(address)) return "must be the name or the IP address of a host";
  const fields = [...(user === undefined ? [] : ["`user`"]), ...(port === undefined ? [] : ["`port`"])];
  return `must be a name or an address alone; set ${fields.join(" and ")} to the rest`;
}

function isAlone(host: string): boolean {
  return IPV6.test(bareHost(host)) || /^[^\s@:/[\]]+$/.test(host);
}
