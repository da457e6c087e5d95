/** Trees of images for tests, from texts. */
import type { DirectoryNode, Metadata, TreeNode } from '@slipway/composefs';
import { SystemDraft } from '../system/draft.ts';

const META: Metadata = { mode: 0o644, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0, xattrs: new Map() };

/** What stands at a path: text of a file, `-> target` of a symlink, or null for a directory. */
export type TreeText = Readonly<Record<string, string | null>>;

/** An image with just enough for every part of a configuration. */
export const SMALL_IMAGE: TreeText = {
  'bin/bash': '',
  'bin/sh': '',
  'usr/bin/zsh': '',
  home: '-> var/home',
  root: '-> var/roothome',
  'var/home': null,
  'var/roothome': null,
  'var/log/dpkg.log': 'old\n',
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/sh\n',
  'etc/group': 'root:x:0:\nsudo:x:27:\nshadow:x:42:\n',
  'etc/shadow': 'root:*:20000:0:99999:7:::\n',
  'etc/gshadow': 'root:*::\nsudo:*::\n',
  'etc/subuid': '',
  'etc/skel/.bashrc': '# rc\n',
  'etc/hosts': '127.0.0.1\tlocalhost\n',
  'etc/timezone': 'Etc/UTC\n',
  'etc/default/keyboard': '# layout\nXKBLAYOUT="us"\n',
  'etc/default/locale': 'LANG=C.UTF-8\n',
  'etc/locale.conf': '-> default/locale',
  'etc/ssh/sshd_config': 'Include /etc/ssh/sshd_config.d/*.conf\n',
  'etc/services': 'ssh 22/tcp\npostgresql 5432/tcp postgres # db\n',
  'etc/systemd/system/multi-user.target.wants/cron.service': '-> /usr/lib/systemd/system/cron.service',
  'etc/systemd/system/internet.service': '-> /usr/lib/systemd/system/web.service',
  'usr/lib/systemd/systemd-timesyncd': '',
  'usr/lib/systemd/system/cron.service': '[Install]\nWantedBy=multi-user.target\n',
  'usr/lib/systemd/system/nftables.service': '[Install]\nWantedBy=sysinit.target\n',
  'usr/lib/systemd/system/web.service':
    '[Install]\nWantedBy=multi-user.target\nAlias=www.service\nAlso=web.socket\n',
  'usr/lib/systemd/system/web.socket': '[Install]\nWantedBy=sockets.target\n',
  'usr/lib/systemd/system/getty@.service': '[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n',
  'usr/lib/systemd/system/static.service': '[Service]\n',
  'usr/lib/locale/de_DE.utf8/LC_TIME': '',
  'usr/share/zoneinfo/Europe/Berlin': '',
};

/** The draft of a host made from a tree of texts. */
export function draftOf(tree: TreeText): SystemDraft {
  return new SystemDraft(treeOf(tree), async function* (node) {
    if (node.content.kind === 'inline') yield node.content.bytes;
  });
}

function treeOf(tree: TreeText): DirectoryNode {
  const root = new Map<string, TreeNode>();
  for (const [path, content] of Object.entries(tree)) {
    const names = path.split('/');
    let entries = root;
    for (const name of content === null ? names : names.slice(0, -1)) {
      const next = entries.get(name) ?? {
        kind: 'directory',
        meta: { ...META, mode: 0o755 },
        entries: new Map(),
      };
      entries.set(name, next);
      if (next.kind !== 'directory') throw new Error(`${path}: ${name} is no directory`);
      entries = next.entries as Map<string, TreeNode>;
    }
    if (content !== null) entries.set(names.at(-1) ?? '', leafOf(content));
  }
  return { kind: 'directory', meta: META, entries: root };
}

function leafOf(content: string): TreeNode {
  if (content.startsWith('-> ')) return { kind: 'symlink', meta: META, target: content.slice(3) };
  return { kind: 'regular', meta: META, content: { kind: 'inline', bytes: Buffer.from(content) } };
}
