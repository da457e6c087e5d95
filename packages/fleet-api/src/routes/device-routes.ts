import * as z from 'zod';
import {
  CONNECTION_STATES,
  type ConnectionState,
  type Device,
  type DeviceInput,
  deviceInputSchema,
  deviceSchema,
  type TimelineEntry,
  timelineEntrySchema,
  UPDATE_STATES,
  type UpdateState,
} from '../resources/device.ts';
import {
  type DeviceSelection,
  deviceSelectionSchema,
  type Operation,
  operationSchema,
} from '../resources/operation.ts';
import { type ListQuery, listQueryShape, type Page, pageSchema } from '../resources/page.ts';
import { type Reason, reasonSchema } from '../resources/rollout.ts';
import { nameSchema } from '../resources/scalars.ts';
import { type ActionCall, actionRoute, type GetCall, getRoute, type PutCall, putRoute } from './crud.ts';
import { may, type NameParams, type RouteTable } from './route.ts';

/** What the list of devices can be asked. */
export interface DeviceListQuery extends ListQuery {
  readonly fleet?: string;
  readonly connection?: ConnectionState;
  readonly update?: UpdateState;
  /** Digest of the image they run. */
  readonly digest?: string;
  readonly lifecycle?: 'enrolled' | 'decommissioned';
}

/** Devices, as people see them. */
export interface DeviceCalls {
  readonly 'devices.list': { readonly query: DeviceListQuery; readonly response: Page<Device> };
  readonly 'devices.get': GetCall<Device>;
  readonly 'devices.put': PutCall<DeviceInput, Device>;
  readonly 'devices.decommission': ActionCall<Reason, Device>;
  readonly 'devices.decommissionSelected': {
    readonly body: DeviceSelection;
    readonly response: Operation;
  };
  readonly 'devices.timeline': {
    readonly params: NameParams;
    readonly query: ListQuery;
    readonly response: Page<TimelineEntry>;
  };
}

const NOUN = {
  path: 'devices',
  tag: 'Devices',
  one: 'a device',
  many: 'devices',
  permission: 'devices:read',
  schema: deviceSchema,
} as const;

export const DEVICE_ROUTES: RouteTable<DeviceCalls> = {
  'devices.list': {
    method: 'GET',
    path: '/api/v1/devices',
    tag: 'Devices',
    summary: 'list devices',
    access: may('devices:read'),
    status: 200,
    query: z.strictObject({
      ...listQueryShape,
      fleet: nameSchema.exactOptional(),
      connection: z.enum(CONNECTION_STATES).exactOptional(),
      update: z.enum(UPDATE_STATES).exactOptional(),
      digest: z.string().max(160).exactOptional(),
      lifecycle: z.enum(['enrolled', 'decommissioned']).exactOptional(),
    }),
    response: pageSchema(deviceSchema),
    refusals: [],
  },
  'devices.get': getRoute(NOUN),
  'devices.put': {
    ...putRoute({ ...NOUN, permission: 'devices:write' }, deviceInputSchema),
    summary: 'change what is wanted of a device',
  },
  'devices.decommission': actionRoute(
    { ...NOUN, permission: 'devices:decommission' },
    'decommission',
    'withdraw the identity of a device: its certificate is revoked',
    reasonSchema,
  ),
  'devices.decommissionSelected': {
    method: 'POST',
    path: '/api/v1/devices/actions/decommission',
    tag: 'Devices',
    summary: 'withdraw the identities of all devices that are selected now',
    access: may('devices:decommission'),
    status: 202,
    body: deviceSelectionSchema,
    response: operationSchema,
    refusals: [409, 422],
    headers: ['idempotency-key'],
  },
  'devices.timeline': {
    method: 'GET',
    path: '/api/v1/devices/{name}/timeline',
    tag: 'Devices',
    summary: 'list what happened to a device, newest first',
    access: may('devices:read'),
    status: 200,
    query: z.strictObject(listQueryShape),
    response: pageSchema(timelineEntrySchema),
    refusals: [404],
  },
};
