#!/usr/bin/python
"""A host that runs an image: look at it, upgrade it, give it another image, bring it back. By the command `slipway` of the host."""

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: host
short_description: Upgrade, switch or roll back a host that runs an image
version_added: 0.1.0
author: the Slipway maintainers
description:
  - Stages what the next boot brings up. It never restarts the host; C(reboot_required) says whether M(ansible.builtin.reboot) should.
  - Needs root on the host, but for C(status).
options:
  action:
    description:
      - C(status) changes nothing.
      - C(upgrade) stages the newest of the image the host follows.
      - C(switch) follows I(image) from now on and stages it.
      - C(rollback) makes the other deployment the next to boot. One that is queued already stays so.
    type: str
    choices: [status, upgrade, switch, rollback]
    default: status
  image:
    description: The image to follow, as C(registry.example/shop:v2). With C(switch) only.
    type: str
  deployment:
    description: The deployment to go back to, where it is not the last. With C(rollback) only.
    type: str
  executable:
    description: The command.
    type: path
    default: slipway
attributes:
  check_mode:
    description: Nothing is staged; C(changed) says whether something would be.
    support: full
"""

EXAMPLES = r"""
- name: Stage the newest image
  slipway.fleet.host:
    action: upgrade
  register: host

- name: Boot it
  ansible.builtin.reboot:
  when: host.reboot_required
"""

RETURN = r"""
reboot_required:
  description: The next boot brings up something else than what runs.
  type: bool
  returned: always
outcome:
  description: What became of it, as C(staged), C(up-to-date), C(already-staged), C(retargeted), C(queued) or C(available).
  type: str
  returned: when the action is not status
host:
  description: What C(slipway status --json) says afterwards (C(org.containers.bootc/v1)).
  type: dict
  returned: always
"""

# Everything else leaves what the next boot brings up, and what the host follows, as they were.
CHANGES = ("staged", "retargeted", "queued", "available")


class Host:
    """The command of a host."""

    def __init__(self, module):
        self.module = module
        self.executable = module.params["executable"]

    def ask(self, *arguments):
        """Its answer; the module ends where there is none."""
        code, out, err = self.module.run_command([self.executable, *arguments, "--json"])
        answer = parsed(out)
        # A refusal to stage an image that did not come up before is an answer and a failure.
        if code == 0 and answer is not None:
            return answer
        self.module.fail_json(msg=reason(answer, err), rc=code)

    def status(self):
        return self.ask("status")


def parsed(text):
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def reason(answer, err):
    """Why it failed, in the words of the command: the last line of its errors that is one."""
    if answer is not None and answer.get("kind") == "denied":
        return denied(answer)
    for line in reversed(err.splitlines()):
        told = parsed(line)
        if told is not None and told.get("type") == "error":
            return "; ".join(told[key] for key in ("message", "hint") if told.get(key))
    return err.strip() or "slipway failed and said nothing"


def denied(answer):
    return "the image {} did not come up on this host before; slipway allow lets it be tried again".format(
        answer.get("manifestDigest")
    )


def upgrade(host, check_mode):
    answer = host.ask("upgrade", "--check") if check_mode else host.ask("upgrade")
    if answer.get("kind") == "denied":
        host.module.fail_json(msg=denied(answer))
    return answer["kind"]


def switch(host, check_mode):
    image = host.module.params["image"]
    if not check_mode:
        return host.ask("switch", image)["kind"]
    followed = (host.status()["spec"]["image"] or {}).get("image")
    # Whether there is something newer of the same image is what upgrade tells.
    return "up-to-date" if followed == image else "available"


def rollback(host, check_mode):
    status = host.status()["status"]
    deployment = host.module.params["deployment"]
    # Asked for again the command would take it back.
    if status["rollbackQueued"] and deployment is None:
        return "already-queued"
    if check_mode:
        return "queued" if deployment is not None or status["rollback"] is not None else "none"
    return host.ask("rollback", *([] if deployment is None else [deployment]))["kind"]


ACTIONS = {"upgrade": upgrade, "switch": switch, "rollback": rollback}


def needs_reboot(status):
    return status["staged"] is not None or bool(status["rollbackQueued"])


def main():
    module = AnsibleModule(
        argument_spec={
            "action": {"choices": ["status", *ACTIONS], "default": "status"},
            "image": {"type": "str"},
            "deployment": {"type": "str"},
            "executable": {"type": "path", "default": "slipway"},
        },
        required_if=[("action", "switch", ["image"])],
        supports_check_mode=True,
    )
    action = module.params["action"]
    for name, owner in (("image", "switch"), ("deployment", "rollback")):
        if module.params[name] is not None and action != owner:
            module.fail_json(msg="{} is for the action {}".format(name, owner))
    host = Host(module)
    told = {}
    if action != "status":
        told["outcome"] = ACTIONS[action](host, module.check_mode)
    status = host.status()
    module.exit_json(
        changed=told.get("outcome") in CHANGES,
        reboot_required=needs_reboot(status["status"]),
        host=status,
        **told
    )


if __name__ == "__main__":
    main()
