import { graphql, useFragment } from 'react-relay/hooks';
import { NameForm } from '../../../shared/SettingsForms';
import { tellOtherTabs } from '../../../shared/session';
import type { ChangeName_user$key } from './__generated__/ChangeName_user.graphql';
import type { ChangeNameMutation } from './__generated__/ChangeNameMutation.graphql';
import { useAction } from './useAction';

const USER = graphql`
  fragment ChangeName_user on User {
    firstName
    lastName
  }
`;

const UPDATE_PROFILE = graphql`
  mutation ChangeNameMutation($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        id
        firstName
        lastName
      }
    }
  }
`;

export function ChangeName({ user }: { user: ChangeName_user$key }) {
  const names = useFragment(USER, user);
  const { data, error, isBusy, send } = useAction<ChangeNameMutation>(
    UPDATE_PROFILE,
    tellOtherTabs,
  );
  return (
    <NameForm
      error={error}
      isBusy={isBusy}
      isDone={data !== null}
      onSubmit={(input) => send({ input })}
      user={names}
    />
  );
}
