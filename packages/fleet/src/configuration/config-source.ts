import { hash } from 'node:crypto';
import {
  type ConfigFile,
  type FilledTemplate,
  fillTemplate,
  isRelativePath,
  type TemplateDevice,
  templateFault,
} from '@slipway/fleet-api';

/** Where the content of a file of a configuration is, for one device or for all that are alike: no placeholder is left. */
export type ConfigSource =
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly digest?: string;
      readonly caCertificate?: string;
    }
  | { readonly kind: 'git'; readonly repository: string; readonly file: string }
  | { readonly kind: 'secret'; readonly file: string };

/** A text or a source that is known, or why it cannot be. */
export type Resolved<Value> = { readonly value: Value } | { readonly problem: string };

/** A file whose content stands in the fleet itself. */
export function isInline(
  file: Pick<ConfigFile, 'content'>,
): file is ConfigFile & { readonly content: string } {
  return file.content !== undefined;
}

/** Where the content for a device is. */
export function sourceOf(file: ConfigFile, device: TemplateDevice): Resolved<ConfigSource> {
  const { http, git, secret } = file;
  if (http !== undefined) {
    const { url: template, ...rest } = http;
    return filled(fillTemplate(template, device, encodeURIComponent), device, (url) => ({
      value: { kind: 'http', url, ...rest },
    }));
  }
  const path = git?.file ?? secret ?? '';
  return filled(fillTemplate(path, device), device, (name) => {
    if (!isRelativePath(name)) return { problem: `${JSON.stringify(name)} is no path for ${device.name}` };
    const { repository } = git ?? {};
    return {
      value:
        repository === undefined ? { kind: 'secret', file: name } : { kind: 'git', repository, file: name },
    };
  });
}

/** What a text is for a device. */
export function textFor(text: string, device: TemplateDevice): Resolved<string> {
  const fault = templateFault(text);
  if (fault !== undefined) return { problem: fault };
  return filled(fillTemplate(text, device), device, (value) => ({ value }));
}

function filled<Value>(
  template: FilledTemplate,
  { name }: TemplateDevice,
  use: (text: string) => Resolved<Value>,
): Resolved<Value> {
  return 'missing' in template
    ? { problem: `the device ${name} has no label ${template.missing}` }
    : use(template.text);
}

/** Names a source among those of its fleet. */
export function keyOf(source: ConfigSource): string {
  return hash('sha256', JSON.stringify(source), 'hex');
}

/** Names the entry of the fleet a source comes of, whatever was filled in. */
export function entryOf({ http, git, secret }: ConfigFile): string {
  return hash('sha256', JSON.stringify([http, git, secret]), 'hex');
}

/** How messages name a source: what is after `?` may be nobody else's business. */
export function nameOf(source: ConfigSource): string {
  if (source.kind === 'http') return source.url.split('?')[0] ?? '';
  return source.kind === 'git' ? `${source.file} of ${source.repository}` : `the secret ${source.file}`;
}
