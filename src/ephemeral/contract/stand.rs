//! An engine under test, with a front over it.

use std::sync::Arc;

use super::{
    super::{Engine, Ephemeral, Keys, Memory, Redis},
    server::Server,
};
use crate::crypto::{SealingKey, Secret};

pub(super) trait Stand: Sized {
    /// `None` if the engine needs a server that is not installed.
    fn up() -> Option<Self>;
    fn front(&self) -> &Arc<Ephemeral>;
    /// The engine loses all that it holds.
    fn empty(&mut self);
    /// All that someone finds who takes hold of the engine.
    fn contents(&self) -> Vec<u8>;
}

pub(super) fn front(engine: Engine) -> Arc<Ephemeral> {
    let (sealing, names) = (Secret::random().unwrap(), Secret::random().unwrap());
    Arc::new(Ephemeral::new(engine, Keys { values: SealingKey::new(&sealing), names }))
}

pub(super) struct InMemory(Arc<Ephemeral>);

impl Stand for InMemory {
    fn up() -> Option<Self> {
        Some(Self(front(Engine::Memory(Memory::new(Memory::BYTES)))))
    }

    fn front(&self) -> &Arc<Ephemeral> {
        &self.0
    }

    fn empty(&mut self) {
        self.0 = front(Engine::Memory(Memory::new(Memory::BYTES)));
    }

    fn contents(&self) -> Vec<u8> {
        let Engine::Memory(memory) = &self.0.engine else { unreachable!("the stand is in memory") };
        memory.contents()
    }
}

pub(super) struct InRedis {
    pub(super) server: Server,
    front: Arc<Ephemeral>,
}

impl InRedis {
    pub(super) fn on(server: Server) -> Self {
        let engine = Redis::open(&server.address(), None, Redis::PATIENCE).unwrap();
        Self { server, front: front(Engine::Redis(engine)) }
    }
}

impl Stand for InRedis {
    fn up() -> Option<Self> {
        Server::start(&[]).map(Self::on)
    }

    fn front(&self) -> &Arc<Ephemeral> {
        &self.front
    }

    fn empty(&mut self) {
        assert_eq!(self.server.command("FLUSHALL"), "+OK");
    }

    fn contents(&self) -> Vec<u8> {
        self.server.dump()
    }
}
