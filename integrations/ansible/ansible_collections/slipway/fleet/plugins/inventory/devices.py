"""The devices of a Slipway fleet as an inventory of Ansible: GET /api/v1/devices, page by page."""

import json
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit

from ansible.errors import AnsibleParserError
from ansible.module_utils.urls import open_url
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.utils.unsafe_proxy import wrap_var

DOCUMENTATION = r"""
name: devices
short_description: The devices of a Slipway fleet
version_added: 0.1.0
author: the Slipway maintainers
description:
  - Every enrolled device is a host under its name.
  - The file must end in C(slipway.yml) or C(slipway.yaml).
extends_documentation_fragment: [constructed]
options:
  plugin:
    description: Says that the file is for this plugin.
    required: true
    choices: [slipway.fleet.devices]
  url:
    description: The address of the fleet's server, with C(https).
    type: str
    required: true
    env: [{name: SLIPWAY_FLEET_URL}]
  token:
    description: A token that may read devices; the role C(viewer) is enough.
    type: str
    required: true
    env: [{name: SLIPWAY_FLEET_TOKEN}]
  ca_path:
    description: The authority the server's certificate is signed by, where the system does not know it.
    type: path
    env: [{name: SLIPWAY_FLEET_CA}]
  selector:
    description: The labels a device must have, as C(kind=shop,site in (berlin, paris)).
    type: str
  fleet:
    description: The fleet a device must belong to.
    type: str
  timeout_seconds:
    description: How long an answer may take.
    type: int
    default: 30
"""

EXAMPLES = r"""
plugin: slipway.fleet.devices
fleet: shops
keyed_groups:
  - {prefix: site, key: slipway_labels.site}
groups:
  waiting: slipway_update.state == 'out-of-date'
"""

PAGE = 500
# A page of devices with all their facts stays far below.
MAX_BYTES = 256 * 1024 * 1024


class InventoryModule(BaseInventoryPlugin, Constructable):
    """Asked by Ansible for the hosts of one file."""

    NAME = "slipway.fleet.devices"

    def verify_file(self, path):
        """Whether a file is for this plugin."""
        return super().verify_file(path) and path.endswith(("slipway.yml", "slipway.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        """Adds a host for every device."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        for device in self._devices():
            self._add(device)

    def _devices(self):
        cursor = None
        while True:
            page = self._page(cursor)
            yield from page["items"]
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def _page(self, cursor):
        wanted = {
            "limit": PAGE,
            "lifecycle": "enrolled",
            "selector": self.get_option("selector"),
            "fleet": self.get_option("fleet"),
            "cursor": cursor,
        }
        base = self.get_option("url").rstrip("/")
        if urlsplit(base).scheme != "https":
            raise AnsibleParserError("cannot ask %s for devices: a token is sent over https only" % base)
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        return self._get("%s/api/v1/devices?%s" % (base, query))

    def _get(self, url):
        try:
            answer = open_url(
                url,
                headers={"Authorization": "Bearer %s" % self.get_option("token"), "Accept": "application/json"},
                ca_path=self.get_option("ca_path"),
                timeout=self.get_option("timeout_seconds"),
                follow_redirects="none",
            )
            text = answer.read(MAX_BYTES + 1)
        except HTTPError as refused:
            raise AnsibleParserError("cannot read the devices of %s: %s" % (url, self._problem(refused))) from refused
        except (URLError, OSError, ValueError) as failed:
            raise AnsibleParserError("cannot reach %s: %s" % (url, failed)) from failed
        if len(text) > MAX_BYTES:
            raise AnsibleParserError("cannot read the devices of %s: the answer is too long" % url)
        return json.loads(text)

    @staticmethod
    def _problem(refused):
        """What the server says in its own words (RFC 9457), where it does."""
        try:
            problem = json.loads(refused.read(65536))
            return problem.get("detail") or problem.get("title") or str(refused)
        except (ValueError, OSError, AttributeError):
            return str(refused)

    def _add(self, device):
        name = device["metadata"]["name"]
        status = device["status"]
        variables = {
            "slipway_name": name,
            "slipway_labels": device["metadata"]["labels"],
            "slipway_fleet": status["fleet"],
            "slipway_connection": status["connection"],
            "slipway_update": status["update"],
            "slipway_report": status["report"],
        }
        if status["connection"]["address"] is not None:
            variables["ansible_host"] = status["connection"]["address"]
        self.inventory.add_host(name)
        for key, value in variables.items():
            # What a device says of itself is data: Ansible must not read templates in it.
            self.inventory.set_variable(name, key, wrap_var(value))
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)
