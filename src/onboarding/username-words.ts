/** Short friendly words for usernames: plants, animals, landscape, weather, things at home. Nothing that could hurt next to a name. */
export const usernameWords: readonly string[] = `
acorn alder almond alpine amber anchor anise apple apricot arbor aspen aster atlas aurora autumn badger bamboo banjo barley basil bay beach
beacon bell berry birch bison blossom blue bluff bonfire book boulder breeze bridge brook bubble butter button cabin cactus camel canal candle
canoe canyon captain carrot castle cedar cello cherry chess chestnut cinnamon citrus clay cliff clover cobalt cocoa comet compass copper coral
corn cosmos cotton cove crane creek cricket crocus crystal cub currant cypress daisy dawn deer delta dew dolphin dove dragon drum dune eagle
echo elder elk elm ember emerald falcon feather fennel fern fiddle field fig finch fir fjord flame flax flint flora flute forest fox galaxy
garden garnet gecko ginger ginkgo glacier glade globe gold granite grape grove guitar gull harbor harp hazel heather heron hill holly honey
horizon ibis indigo iris island ivory ivy jade jasmine jasper jay jungle juniper kayak kelp kettle kite kiwi koala lagoon lake lantern larch
lark lavender leaf lemon lilac lily lime linden linen lion lotus lunar lynx magnet mango maple marble marigold marina meadow melody melon
meteor midway mint mirror mocha moon moose morning moss mountain nectar nest nickel north nova oak oasis oat ocean olive onyx opal orange
orbit orchard orchid otter owl paddle palm panda pansy papaya pasture peach pear pearl pebble penguin pepper petal piano pine planet plum
pony poplar poppy prairie prism puffin quail quartz quill rabbit rain raven reed reef ribbon ridge river robin rocket rose ruby saffron sage
sail salmon sand sapphire satin seal sequoia shell silver sky snow sonata sparrow spruce star stone stork stream summer summit sun swan
sycamore teal thistle thyme tiger topaz toucan trail tulip tundra turtle valley vanilla velvet violet violin walnut water wave
willow wind winter wolf wren yarrow zebra zephyr zinnia
`
  .trim()
  .split(/\s+/)
