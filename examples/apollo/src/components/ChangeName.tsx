import { useMutation } from '@apollo/client/react';
import { NameForm } from '../../../shared/SettingsForms';
import { tellOtherTabs } from '../../../shared/session';
import { graphql } from '../__generated__';

const UPDATE_PROFILE = graphql(`
  mutation UpdateProfile($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        id
        firstName
        lastName
      }
    }
  }
`);

export function ChangeName({ user }: { user: { firstName: string; lastName: string } }) {
  const [update, { data, error, loading }] = useMutation(UPDATE_PROFILE, {
    onCompleted: tellOtherTabs,
  });
  return (
    <NameForm
      error={error}
      isBusy={loading}
      isDone={data != null}
      onSubmit={(input) => void update({ variables: { input } })}
      user={user}
    />
  );
}
