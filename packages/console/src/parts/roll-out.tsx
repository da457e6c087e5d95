import {
  Button,
  Form,
  FormGroup,
  FormSelect,
  FormSelectOption,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core';
import { API_VERSION } from '@slipway/fleet-api';
import { type ReactNode, useId, useState } from 'react';
import { useNavigate } from 'react-router';
import { useAction, useCall } from '../api/queries.ts';
import { PlanPreview } from './plan-preview.tsx';
import { ProblemAlert } from './problem-alert.tsx';

/** Brings a fleet to a release: the plan is shown first, and nothing happens until it was seen. */
export function RollOut({ fleet }: { readonly fleet: string }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button variant="primary" onClick={() => setOpen(true)}>
        Roll out
      </Button>
      {isOpen && <RollOutDialog fleet={fleet} onClose={() => setOpen(false)} />}
    </>
  );
}

function RollOutDialog({
  fleet,
  onClose,
}: {
  readonly fleet: string;
  readonly onClose: () => void;
}): ReactNode {
  const [release, setRelease] = useState('');
  const releases = useCall('releases.list', { query: { limit: 200 } });
  const create = useAction('rollouts.create');
  const navigate = useNavigate();
  const titleId = useId();
  const selectId = useId();
  const start = async (): Promise<void> => {
    const name = `${fleet}-${release}-${Date.now().toString(36)}`;
    const made = await create.mutateAsync({
      body: { apiVersion: API_VERSION, kind: 'Rollout', metadata: { name }, spec: { fleet, release } },
      idempotencyKey: name,
    });
    await navigate(`/rollouts/${made.metadata.name}`);
  };
  return (
    <Modal isOpen variant="large" onClose={onClose} aria-labelledby={titleId}>
      <ModalHeader title={`Roll out to ${fleet}`} labelId={titleId} />
      <ModalBody>
        <Form>
          <FormGroup label="Release" fieldId={selectId}>
            <FormSelect id={selectId} value={release} onChange={(_event, value) => setRelease(value)}>
              <FormSelectOption value="" label="Choose one" isPlaceholder />
              {releases.data?.items.map(({ metadata, spec }) => (
                <FormSelectOption
                  key={metadata.name}
                  value={metadata.name}
                  label={`${metadata.name} (${spec.version})`}
                  isDisabled={spec.withdrawn !== undefined}
                />
              ))}
            </FormSelect>
          </FormGroup>
        </Form>
        {release !== '' && <PlanPreview fleet={fleet} release={release} />}
        <ProblemAlert error={create.error} />
      </ModalBody>
      <ModalFooter>
        <Button
          variant="primary"
          isDisabled={release === '' || create.isPending}
          isLoading={create.isPending}
          onClick={() => {
            start().catch(() => undefined);
          }}
        >
          Start the rollout
        </Button>
        <Button variant="link" onClick={onClose}>
          Leave it
        </Button>
      </ModalFooter>
    </Modal>
  );
}
