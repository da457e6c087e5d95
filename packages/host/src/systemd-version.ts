/** What `systemctl --version` begins with: `systemd 257 (257.9-1~deb13u1)`. Of anything else 0: older than all. */
export function parseSystemdVersion(text: string): number {
  return Number(/^systemd (\d+)/.exec(text)?.[1] ?? 0);
}
