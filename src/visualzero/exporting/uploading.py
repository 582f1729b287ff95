"""A folder to the model hub, or a mirror of it (HF_ENDPOINT): only when it is asked for, into a private repository."""

from pathlib import Path

import httpx
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

from visualzero.errors import UserError
from visualzero.progress import say


def upload(folder: Path, repo: str, message: str) -> None:
    """Upload the files of a folder in one commit; a repository that isn't there yet is made, and is private.

    Raises:
        UserError: if there is no token, the hub refuses it or the name, or can't be reached.
    """
    try:
        hub = HfApi()
        hub.create_repo(repo, private=True, exist_ok=True)
        commit = hub.upload_folder(repo_id=repo, folder_path=folder, commit_message=message)
    except HFValidationError:
        raise UserError(f"--repo {repo}: no name of a repository: give OWNER/NAME") from None
    except LocalTokenNotFoundError:
        raise UserError(f"{repo}: no token of yours is here: give one that may write (`hf auth login`)") from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        login = ": give a token that may write there (`hf auth login`)" if status in (401, 403) else ""
        raise UserError(f"{repo}: {constants.ENDPOINT} answered {status}{login or ': try again later'}") from None
    except (httpx.HTTPError, OfflineModeIsEnabled, OSError, RuntimeError) as error:  # the last is hf_xet's
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{repo}: {constants.ENDPOINT} can't be reached ({reason}): check the network") from None
    say(f"uploaded: {commit.commit_url}")
