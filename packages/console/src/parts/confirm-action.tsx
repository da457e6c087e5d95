import {
  Button,
  type ButtonProps,
  Form,
  FormGroup,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextInput,
} from '@patternfly/react-core';
import { type ReactNode, useId, useState } from 'react';
import { ProblemAlert } from './problem-alert.tsx';

type Variant = NonNullable<ButtonProps['variant']>;

interface ConfirmActionProps {
  /** On the button, and on top of what it opens: a verb. */
  readonly verb: string;
  /** What will happen, said before it does. */
  readonly consequence: ReactNode;
  readonly variant?: Variant;
  readonly onConfirm: (reason: string | undefined) => Promise<unknown>;
}

/** A button that says what it will do, asks for a reason, which goes into the audit log, and only then does it. */
export function ConfirmAction(props: ConfirmActionProps): ReactNode {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button variant={props.variant ?? 'secondary'} onClick={() => setOpen(true)}>
        {props.verb}
      </Button>
      {isOpen && <Question {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function Question({
  verb,
  consequence,
  variant,
  onConfirm,
  onClose,
}: ConfirmActionProps & { readonly onClose: () => void }): ReactNode {
  const [reason, setReason] = useState('');
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const reasonId = useId();
  const titleId = useId();
  const confirm = async (): Promise<void> => {
    setBusy(true);
    try {
      await onConfirm(reason.trim() === '' ? undefined : reason.trim());
      onClose();
    } catch (thrown) {
      setError(thrown as Error);
      setBusy(false);
    }
  };
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby={titleId}>
      <ModalHeader title={verb} labelId={titleId} />
      <ModalBody>
        <p className="slipway-consequence">{consequence}</p>
        <Form
          onSubmit={(event) => {
            event.preventDefault();
            void confirm();
          }}
        >
          <FormGroup label="Reason, for the audit log" fieldId={reasonId}>
            <TextInput
              id={reasonId}
              value={reason}
              onChange={(_event, value) => setReason(value)}
              maxLength={1024}
            />
          </FormGroup>
        </Form>
        <ProblemAlert error={error} />
      </ModalBody>
      <ModalFooter>
        <Button
          variant={variant === 'danger' ? 'danger' : 'primary'}
          isLoading={isBusy}
          isDisabled={isBusy}
          onClick={() => void confirm()}
        >
          {verb}
        </Button>
        <Button variant="link" onClick={onClose}>
          Leave it
        </Button>
      </ModalFooter>
    </Modal>
  );
}
