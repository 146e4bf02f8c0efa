import { graphql } from 'react-relay/hooks';
import { EmailForm } from '../../../shared/SettingsForms';
import type { ChangeEmailMutation } from './__generated__/ChangeEmailMutation.graphql';
import { useAction } from './useAction';

const CHANGE_EMAIL = graphql`
  mutation ChangeEmailMutation($input: ChangeEmailInput!) {
    changeEmail(input: $input) {
      email
    }
  }
`;

export function ChangeEmail() {
  const { data, error, isBusy, send } = useAction<ChangeEmailMutation>(CHANGE_EMAIL);
  return (
    <EmailForm
      error={error}
      isBusy={isBusy}
      onSubmit={(input) => send({ input })}
      sentTo={data?.changeEmail.email}
    />
  );
}
