"""FastAPI Users as its documentation shows it: "Full example" (Beanie, JWT), "Password hash".

Its default is argon2; here it uses bcrypt, so that a login costs the same everywhere. It runs in
a virtual environment of its own (fastapi_users/requirements.txt).
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from beanie import Document, PydanticObjectId, init_beanie
from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import BeanieBaseUser, BeanieUserDatabase, ObjectIDIDMixin
from fastapi_users.password import PasswordHelper
from pwdlib import PasswordHash
from pwdlib.hashers.bcrypt import BcryptHasher
from pymongo import AsyncMongoClient

TOKEN_KEY = os.environ["TOKEN_KEY"]

hasher = BcryptHasher(rounds=int(os.environ["BCRYPT_ROUNDS"]))
password_helper = PasswordHelper(PasswordHash((hasher,)))


class User(BeanieBaseUser, Document):
    class Settings(BeanieBaseUser.Settings):
        name = "users"


class UserManager(ObjectIDIDMixin, BaseUserManager[User, PydanticObjectId]):
    reset_password_token_secret = TOKEN_KEY
    verification_token_secret = TOKEN_KEY


async def get_user_db() -> AsyncIterator[BeanieUserDatabase[User]]:
    yield BeanieUserDatabase(User)


async def get_user_manager(
    user_db: Annotated[BeanieUserDatabase[User], Depends(get_user_db)],
) -> AsyncIterator[UserManager]:
    yield UserManager(user_db, password_helper)


def get_jwt_strategy() -> JWTStrategy[User, PydanticObjectId]:
    return JWTStrategy(secret=TOKEN_KEY, lifetime_seconds=2 * 3600)


auth_backend = AuthenticationBackend(
    name="jwt",
    transport=BearerTransport(tokenUrl="auth/jwt/login"),
    get_strategy=get_jwt_strategy,
)
fastapi_users = FastAPIUsers[User, PydanticObjectId](get_user_manager, [auth_backend])
current_active_user = fastapi_users.current_user(active=True)


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with AsyncMongoClient[dict[str, Any]](os.environ["MONGO_URI"]) as client:
        await init_beanie(client.get_default_database(), document_models=[User])
        yield


app = FastAPI(lifespan=_lifespan)
app.include_router(fastapi_users.get_auth_router(auth_backend), prefix="/auth/jwt")
user_schemas = schemas.BaseUser[PydanticObjectId], schemas.BaseUserCreate
app.include_router(fastapi_users.get_register_router(*user_schemas), prefix="/auth")


@app.get("/viewer")
async def viewer(user: Annotated[User, Depends(current_active_user)]) -> dict[str, str]:
    return {"email": user.email}
