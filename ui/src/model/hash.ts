/** The selected key in the address, so that it can be shared and survives a reload. */
export function keyInHash(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("key");
}

export function hashOf(key: string | null): string {
  return key === null ? "" : `#${new URLSearchParams({ key }).toString()}`;
}
