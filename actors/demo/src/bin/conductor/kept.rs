//! As many things as there is room for, in the order in which they came.

/// A list of at most `N` things.
pub(crate) struct Kept<T, const N: usize> {
    things: [Option<T>; N],
    length: usize,
}

impl<T, const N: usize> Kept<T, N> {
    pub(crate) fn new() -> Self {
        Self {
            things: [const { None }; N],
            length: 0,
        }
    }

    /// Adds one; returns whether there was room.
    pub(crate) fn push(&mut self, thing: T) -> bool {
        let place = self.things.get_mut(self.length);
        let has_room = place.is_some();
        if let Some(place) = place {
            *place = Some(thing);
            self.length += 1;
        }
        has_room
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.things.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.things.iter_mut().flatten()
    }
}
