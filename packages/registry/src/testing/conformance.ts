/**
 * What the distribution specification (1.1) demands of a registry, case by case with its status codes, in the four parts of its own
 * conformance tests: pull, push, content discovery, content management; with every way to push a blob under every digest, and every kind
 * of contents those push, list, pull and delete. Any registry can be held to it.
 */

import type { ConformanceCase } from './conformance/case.ts';
import { DISCOVERY_CASES } from './conformance/discovery.ts';
import { MANAGEMENT_CASES } from './conformance/management.ts';
import { PULL_CASES } from './conformance/pull.ts';
import { PUSH_BLOB_CASES } from './conformance/push-blobs.ts';
import { PUSH_MANIFEST_CASES } from './conformance/push-manifests.ts';
import { UPLOAD_WAY_CASES } from './conformance/upload-ways.ts';
import { WHOLE_CONTENTS_CASES } from './conformance/whole-contents.ts';

/** All cases. */
export const CONFORMANCE: readonly ConformanceCase[] = [
  ...PULL_CASES,
  ...PUSH_BLOB_CASES,
  ...PUSH_MANIFEST_CASES,
  ...UPLOAD_WAY_CASES,
  ...WHOLE_CONTENTS_CASES,
  ...DISCOVERY_CASES,
  ...MANAGEMENT_CASES,
];
