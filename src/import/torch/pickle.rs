//! What a pickle describes, as data. A pickle is a program for a small stack machine; this one runs its opcodes but for
//! those that would look something up or call it: classes, calls and their arguments are kept as they are named. No crate
//! gives that today: `serde-pickle` refuses the persistent references of PyTorch and forgets the names of classes.

use std::collections::HashMap;

/// An object of a pickle, by its number.
pub type Id = usize;

/// An object.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer, of at most 64 bits.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text; bytes are texts too, as far as they are.
    Text(String),
    /// A tuple, a list or a set.
    List(Vec<Id>),
    /// A class or function, such as `torch.nn.modules.linear.Linear`.
    Global(String),
    /// What calling something gives.
    Call {
        /// What is called, mostly a [`Object::Global`].
        function: Id,
        /// A [`Object::List`].
        arguments: Id,
    },
    /// A reference to something outside of the pickle.
    Persistent(Id),
    /// A dict; also the items that a [`Object::Call`] is given.
    Dict,
}

/// All objects of a pickle.
#[derive(Default)]
pub struct Pickle {
    objects: Vec<Object>,
    /// The items of dicts and of objects that behave like one.
    items: HashMap<Id, Vec<(Id, Id)>>,
    /// The state that objects are given after they were made.
    states: HashMap<Id, Id>,
    /// The object that the pickle is of.
    pub root: Id,
}

impl Pickle {
    /// An object.
    pub fn object(&self, id: Id) -> &Object {
        &self.objects[id]
    }

    /// The text that an object is.
    pub fn text(&self, id: Id) -> Option<&str> {
        if let Object::Text(text) = self.object(id) { Some(text) } else { None }
    }

    /// The parts of a tuple or list.
    pub fn list(&self, id: Id) -> Option<&[Id]> {
        if let Object::List(parts) = self.object(id) { Some(parts) } else { None }
    }

    /// The function and the arguments of a call by name.
    pub fn call(&self, id: Id) -> Option<(&str, &[Id])> {
        let Object::Call { function, arguments } = self.object(id) else { return None };
        let Object::Global(name) = self.object(*function) else { return None };
        Some((name, self.list(*arguments)?))
    }

    /// The items of a dict.
    pub fn items(&self, id: Id) -> &[(Id, Id)] {
        self.items.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The value of a dict's key.
    pub fn item(&self, id: Id, key: &str) -> Option<Id> {
        self.items(id).iter().rev().find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| *value)
    }

    /// An attribute of an object, from its state.
    pub fn attribute(&self, id: Id, name: &str) -> Option<Id> {
        self.item(*self.states.get(&id)?, name)
    }

    /// Reads a pickle.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut machine =
            Machine { bytes, at: 0, stack: vec![], marks: vec![], memo: HashMap::new(), made: Self::default() };
        loop {
            let at = machine.at;
            let code = machine.take(1)?[0];
            if code == b'.' {
                machine.made.root = machine.pop()?;
                return Ok(machine.made);
            }
            machine.run(code).map_err(|problem| format!("byte {at} (opcode 0x{code:02x}): {problem}"))?;
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Id>,
    /// The heights of the stack that are marked.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    made: Pickle,
}

impl<'a> Machine<'a> {
    fn run(&mut self, code: u8) -> Result<(), String> {
        match code {
            0x80 => self.take(1).map(drop),
            0x95 => self.take(8).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.marked().map(drop),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'N' => self.push(Object::None),
            0x88 => self.push(Object::Bool(true)),
            0x89 => self.push(Object::Bool(false)),
            b'K' => self.unsigned(1).and_then(|n| self.push(Object::Int(n as i64))),
            b'M' => self.unsigned(2).and_then(|n| self.push(Object::Int(n as i64))),
            b'J' => self.unsigned(4).and_then(|n| self.push(Object::Int(i64::from(n as u32 as i32)))),
            0x8a => self.long(),
            b'G' => {
                let bytes: [u8; 8] = self.take(8)?.try_into().expect("eight bytes");
                self.push(Object::Float(f64::from_be_bytes(bytes)))
            }
            b'X' | b'T' | b'B' => self.text(4),
            b'U' | b'C' | 0x8c => self.text(1),
            0x8d | 0x8e => self.text(8),
            b']' | b')' | 0x8f => self.push(Object::List(vec![])),
            b'l' | b't' | 0x91 => self.marked().and_then(|parts| self.push(Object::List(parts))),
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let start = self.stack.len().checked_sub(count).ok_or("the stack is empty")?;
                let parts = self.stack.split_off(start);
                self.push(Object::List(parts))
            }
            b'a' => {
                let part = self.pop()?;
                self.extend(vec![part])
            }
            b'e' | 0x90 => self.marked().and_then(|parts| self.extend(parts)),
            b'}' => self.push(Object::Dict),
            b'd' => {
                let parts = self.marked()?;
                self.push(Object::Dict)?;
                self.set(&parts)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])
            }
            b'u' => self.marked().and_then(|parts| self.set(&parts)),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Object::Global(format!("{module}.{name}")))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.made.text(module), self.made.text(name)) {
                    (Some(module), Some(name)) => self.push(Object::Global(format!("{module}.{name}"))),
                    _ => Err("a class has no name".to_string()),
                }
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.push(Object::Call { function, arguments })
            }
            0x92 => {
                let (_, arguments, function) = (self.pop()?, self.pop()?, self.pop()?);
                self.push(Object::Call { function, arguments })
            }
            b'b' => {
                let (state, object) = (self.pop()?, self.top()?);
                self.made.states.insert(object, state);
                Ok(())
            }
            b'Q' => self.pop().and_then(|id| self.push(Object::Persistent(id))),
            b'q' => self.unsigned(1).and_then(|key| self.remember(key as u32)),
            b'r' => self.unsigned(4).and_then(|key| self.remember(key as u32)),
            0x94 => self.remember(self.memo.len() as u32),
            b'h' => self.unsigned(1).and_then(|key| self.recall(key as u32)),
            b'j' => self.unsigned(4).and_then(|key| self.recall(key as u32)),
            _ => Err("PyTorch writes no such opcode".to_string()),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let bytes = self.bytes.get(self.at..).and_then(|rest| rest.get(..count)).ok_or("the pickle is cut off")?;
        self.at += count;
        Ok(bytes)
    }

    fn unsigned(&mut self, bytes: usize) -> Result<u64, String> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// An integer with its length before it, in two's complement.
    fn long(&mut self) -> Result<(), String> {
        let count = self.unsigned(1)? as usize;
        let bytes = self.take(count)?;
        if count > 8 {
            return Err("an integer has more than 64 bits".to_string());
        }
        let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
        let start = if negative { -1 } else { 0 };
        self.push(Object::Int(bytes.iter().rev().fold(start, |n, byte| n << 8 | i64::from(*byte))))
    }

    fn text(&mut self, length: usize) -> Result<(), String> {
        let count = usize::try_from(self.unsigned(length)?).map_err(|_| "the pickle is cut off")?;
        let text = String::from_utf8_lossy(self.take(count)?).into_owned();
        self.push(Object::Text(text))
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or("the pickle is cut off")?;
        self.at += end + 1;
        Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
    }

    fn push(&mut self, object: Object) -> Result<(), String> {
        self.made.objects.push(object);
        self.stack.push(self.made.objects.len() - 1);
        Ok(())
    }

    fn top(&self) -> Result<Id, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack.last().filter(|_| self.stack.len() > floor);
        top.copied().ok_or_else(|| "the stack is empty".to_string())
    }

    fn pop(&mut self) -> Result<Id, String> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// All above the last mark.
    fn marked(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("there is no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn extend(&mut self, parts: Vec<Id>) -> Result<(), String> {
        let list = self.top()?;
        match &mut self.made.objects[list] {
            Object::List(known) => {
                known.extend(parts);
                Ok(())
            }
            _ => Err("it appends to what is no list".to_string()),
        }
    }

    fn set(&mut self, parts: &[Id]) -> Result<(), String> {
        let dict = self.top()?;
        let items = self.made.items.entry(dict).or_default();
        items.extend(parts.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn remember(&mut self, key: u32) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), String> {
        let id = *self.memo.get(&key).ok_or("it recalls what was not remembered")?;
        self.stack.push(id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_kept_as_it_is_named() {
        // pickle.dumps of an object whose __reduce__ is (os.system, ("echo no",)), protocol 2.
        let pickle = Pickle::read(b"\x80\x02cposix\nsystem\nX\x07\x00\x00\x00echo no\x85R.").unwrap();
        let (name, arguments) = pickle.call(pickle.root).unwrap();
        assert_eq!((name, pickle.text(arguments[0])), ("posix.system", Some("echo no")));
    }

    #[test]
    fn numbers_read_back() {
        // pickle.dumps((-2, 300, -70000, 2**40, 0.5, True), 2)
        let bytes = b"\x80\x02(J\xfe\xff\xff\xffM\x2c\x01J\x90\xee\xfe\xff\x8a\x06\x00\x00\x00\x00\x00\x01G\x3f\xe0\x00\x00\x00\x00\x00\x00\x88t.";
        let pickle = Pickle::read(bytes).unwrap();
        let objects = pickle.list(pickle.root).unwrap().iter().map(|id| pickle.object(*id).clone());
        let expected = [-2, 300, -70000, 1 << 40].map(Object::Int);
        let expected = expected.into_iter().chain([Object::Float(0.5), Object::Bool(true)]);
        assert_eq!(objects.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_damaged_pickle_is_an_error() {
        for bytes in [&b""[..], b"\x80", b"R.", b"(a.", b"h\x01.", b"X\xff\xff\xff\xffabc", b"cposix", b"\xff.", b"N(t"]
        {
            assert!(Pickle::read(bytes).is_err(), "{bytes:?}");
        }
    }
}
