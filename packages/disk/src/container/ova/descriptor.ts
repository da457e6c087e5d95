import { createHash } from 'node:crypto';
import { roundUp } from '@slipway/core';

/** What a virtual machine made from an OVA is to be. */
export interface OvaMachine {
  /** Shown by whoever imports it. */
  readonly name: string;
  /** As Go writes it: `amd64`, `arm64`. */
  readonly architecture: string;
}

/** The descriptor stands before the disk, whose packed size it names: its place is as large as it can become. */
export const DESCRIPTOR_BYTES = 8192;
const NAME_MOST = 80;
const CPUS = 2;
const MEMORY_MIB = 2048;

const VMWARE_SYSTEMS: Readonly<Record<string, string>> = {
  amd64: 'otherLinux64Guest',
  arm64: 'arm-other5xLinux-64Guest',
};

/**
 * The OVF descriptor (DSP0243 1.1) of a machine with UEFI, one disk and one network card, filled up to {@link DESCRIPTOR_BYTES}
 * with line ends.
 */
export function ovfDescriptor(
  { name, architecture }: OvaMachine,
  diskSizeBytes: number,
  vmdkBytes: number,
): Buffer {
  const title = escapeXml(name.slice(0, NAME_MOST));
  const system = VMWARE_SYSTEMS[architecture];
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf">
  <References>
    <File ovf:href="disk.vmdk" ovf:id="file1" ovf:size="${vmdkBytes}"/>
  </References>
  <DiskSection>
    <Info>Virtual disks</Info>
    <Disk ovf:capacity="${diskSizeBytes}" ovf:diskId="disk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>Logical networks</Info>
    <Network ovf:name="VM Network">
      <Description>The network of the machine</Description>
    </Network>
  </NetworkSection>
  <VirtualSystem ovf:id="vm">
    <Info>A virtual machine</Info>
    <Name>${title}</Name>
    <OperatingSystemSection ovf:id="101"${system === undefined ? '' : ` vmw:osType="${system}"`}>
      <Info>The operating system</Info>
      <Description>Linux</Description>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>vm</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType>
      </System>
${hardware()}
      <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
  const bytes = Buffer.from(text, 'utf8');
  const place = Buffer.alloc(roundUp(bytes.length, DESCRIPTOR_BYTES), '\n');
  place.set(bytes);
  return place;
}

/** A piece of hardware: children of `Item`, which the schema wants in the order of their names. */
type Item = Readonly<Record<string, string | number>>;

const ITEMS: readonly Item[] = [
  {
    AllocationUnits: 'hertz * 10^6',
    ElementName: `${CPUS} processors`,
    InstanceID: 1,
    ResourceType: 3,
    VirtualQuantity: CPUS,
  },
  {
    AllocationUnits: 'byte * 2^20',
    ElementName: `${MEMORY_MIB} MB of memory`,
    InstanceID: 2,
    ResourceType: 4,
    VirtualQuantity: MEMORY_MIB,
  },
  { Address: 0, ElementName: 'SCSI controller', InstanceID: 3, ResourceSubType: 'lsilogic', ResourceType: 6 },
  {
    AddressOnParent: 0,
    ElementName: 'Disk',
    HostResource: 'ovf:/disk/disk1',
    InstanceID: 4,
    Parent: 3,
    ResourceType: 17,
  },
  {
    AddressOnParent: 7,
    AutomaticAllocation: 'true',
    Connection: 'VM Network',
    ElementName: 'Network card',
    InstanceID: 5,
    ResourceSubType: 'E1000',
    ResourceType: 10,
  },
];

function hardware(): string {
  return ITEMS.map((item) => {
    const children = Object.entries(item).map(
      ([key, value]) => `        <rasd:${key}>${value}</rasd:${key}>`,
    );
    return ['      <Item>', ...children, '      </Item>'].join('\n');
  }).join('\n');
}

/** The manifest (DSP0243 1.1, 5.1): a digest for each file before and after it. */
export function ovfManifest(descriptor: Uint8Array, vmdkSha256: string): Buffer {
  const descriptorSha256 = createHash('sha256').update(descriptor).digest('hex');
  return Buffer.from(`SHA256(disk.ovf)= ${descriptorSha256}\nSHA256(disk.vmdk)= ${vmdkSha256}\n`);
}

function escapeXml(text: string): string {
  const visible = text.replace(/[^\x20-\x7e\u{a0}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, ' ');
  return visible.replace(/[<>&"']/g, (character) => `&#${character.codePointAt(0)};`);
}
